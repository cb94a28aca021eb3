//! What PS3.18 has and Azure has not. The origin server is one that writes down what comes.

use gateway_tests::{Recorder, World};

use super::{Asked, Bench};

#[tokio::test]
async fn what_only_the_standard_has_passes_by_its_class_too() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let bench = Bench::start(&world, &(recorder.url() + "/rs"), "generic").await;
    let mut seen = 0;
    for (method, path, class) in TRANSACTIONS {
        let (accept, content_type, body) = ("*/*", "", Vec::new());
        let asked = Asked { method, path, class, accept, content_type, body };
        let status = bench.refused(&asked).await.status();
        assert_eq!((status.as_u16(), recorder.requests().len()), (403, seen), "{method} {path}");
        let status = bench.permitted(&asked).await.status();
        seen += 1;
        assert_eq!((status.as_u16(), recorder.requests().len()), (200, seen), "{method} {path}");
        let request = recorder.requests().pop().unwrap();
        assert_eq!((&*request.method, request.target), (*method, format!("/rs{path}")));
    }
    assert_eq!(recorder.violations(), [""; 0]);
}

const TRANSACTIONS: &[(&str, &str, &str)] = &[
    ("OPTIONS", "/", "retrieve"),
    ("OPTIONS", "/studies", "retrieve"),
    ("HEAD", "/studies/1.2/metadata", "retrieve"),
    ("GET", "/studies/1.2/rendered", "retrieve"),
    ("GET", "/studies/1.2/series/3/rendered?viewport=512,512", "retrieve"),
    ("GET", "/studies/1.2/thumbnail", "retrieve"),
    ("GET", "/studies/1.2/series/3/thumbnail", "retrieve"),
    ("GET", "/studies/1.2/series/3/instances/4/thumbnail", "retrieve"),
    ("GET", "/studies/1.2/series/3/instances/4/frames/1,2/thumbnail", "retrieve"),
    ("GET", "/studies/1.2/bulkdata", "retrieve"),
    ("GET", "/studies/1.2/series/3/bulkdata", "retrieve"),
    ("GET", "/studies/1.2/series/3/instances/4/bulkdata", "retrieve"),
    ("GET", "/studies/1.2/series/3/instances/4/bulkdata/00880200/1/00281201", "retrieve"),
    ("GET", "/studies/1.2/series/3/instances/4/bulk/7fe00010", "retrieve"),
    ("GET", "/studies/1.2/pixeldata", "retrieve"),
    ("GET", "/studies/1.2/series/3/pixeldata", "retrieve"),
    ("GET", "/studies/1.2/series/3/instances/4/pixeldata", "retrieve"),
    ("GET", "/studies/1.2/series/3/instances/4/frames/7/pixeldata", "retrieve"),
    ("GET", "/studies/1.2/instances/4", "retrieve"),
    ("GET", "/wado?requestType=WADO&studyUID=1.2&seriesUID=3&objectUID=4", "retrieve"),
    ("GET", "/?requestType=WADO&studyUID=1.2&seriesUID=3&objectUID=4", "retrieve"),
    ("PUT", "/studies", "store"),
    ("PUT", "/studies/1.2", "store"),
    ("POST", "/workitems/1.2/subscribers/AE%20TITLE?deletionlock=true", "worklist"),
    ("POST", "/workitems/1.2.840.10008.5.1.4.34.5/subscribers/AET/suspend", "worklist"),
    ("DELETE", "/workitems/1.2/subscribers/AET", "worklist"),
];

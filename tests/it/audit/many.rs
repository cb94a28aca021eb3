//! Each access has exactly one record, however many there are at once.

use std::collections::BTreeSet;

use super::{Scene, VERSIONS, asked, connect};

#[tokio::test]
async fn a_thousand_requests_at_once_have_a_thousand_records() {
    let scene = Scene::new().await;
    let gateway = scene.start("").await;
    let mut tasks = Vec::new();
    for index in 0..100 {
        let caller = connect(&gateway, VERSIONS[index % 2]).await;
        let key = scene.key();
        tasks.push(tokio::spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..10 {
                let (status, id) = asked(&caller, "GET /studies/1.2", (&key, "")).await;
                assert_eq!(status, 200);
                ids.push(id);
            }
            ids
        }));
    }
    let mut answered = BTreeSet::new();
    for task in tasks {
        answered.extend(task.await.unwrap());
    }

    let records = scene.accesses(1000).await;
    let recorded = records.iter().map(|record| record["id"].as_str().unwrap().to_owned());
    assert_eq!(recorded.collect::<BTreeSet<_>>(), answered);
    assert_eq!(answered.len(), 1000);
    let metrics = gateway.admin("/metrics").await.1;
    // One more says that the gateway serves.
    for sample in ["audit_records_total 1001\n", "audit_lost_total 0\n", "audit_waiting 0\n"] {
        assert!(metrics.contains(&format!("dicom_gateway_{sample}")), "{sample} in {metrics}");
    }
}

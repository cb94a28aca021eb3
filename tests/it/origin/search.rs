use gateway_tests::origin::sample::{CT_SERIES, CT_STUDY, MR_STUDY, US_STUDY, ct_instance};
use serde_json::json;

use super::{World, value};

#[tokio::test]
async fn a_search_finds_the_phantom_and_describes_it() {
    let world = World::new().await;
    let found = world.search("/studies?PatientName=phantom%5Ethorax").await;
    let [study] = found.as_slice() else { panic!("{} studies", found.len()) };
    assert_eq!(value(study, "0020000D"), CT_STUDY);
    assert_eq!(
        study["00100010"],
        json!({ "vr": "PN", "Value": [{ "Alphabetic": "Phantom^Thorax" }] })
    );
    assert_eq!(study["00080061"]["Value"], json!(["CT"]));
    assert_eq!(study["00201208"], json!({ "vr": "IS", "Value": [40] }));
    assert!(study.get("00080060").is_none(), "an attribute of series in a study");
}

#[tokio::test]
async fn each_matching_key_finds_what_it_names_and_nothing_else() {
    let world = World::new().await;
    for (query, expected) in [
        ("PatientID=PHANTOM-MR", vec![MR_STUDY]),
        ("00100020=phantom-mr", vec![MR_STUDY]),
        ("PatientName=*HE?rt*", vec![US_STUDY]),
        ("StudyDate=20240201-20241231", vec![CT_STUDY]),
        ("StudyDate=20240312", vec![CT_STUDY]),
        ("StudyDate=20240101-", vec![CT_STUDY, MR_STUDY]),
        ("ModalitiesInStudy=US", vec![US_STUDY]),
        ("AccessionNumber=A-1001&ModalitiesInStudy=CT,MR", vec![CT_STUDY]),
        (&format!("StudyInstanceUID={MR_STUDY},{US_STUDY}"), vec![MR_STUDY, US_STUDY]),
        ("PatientName=Nobody", vec![]),
        ("PatientName=tho%20pha&fuzzymatching=true", vec![CT_STUDY]),
        ("PatientName=horax&fuzzymatching=true", vec![]),
    ] {
        let found = world.search(&format!("/studies?{query}")).await;
        let mut uids: Vec<_> =
            found.iter().filter_map(|it| value(it, "0020000D").as_str()).collect();
        uids.sort_unstable();
        assert_eq!(uids, expected, "{query}");
    }
}

#[tokio::test]
async fn all_levels_are_searched_within_their_parents() {
    let world = World::new().await;
    for (path, count) in [
        ("/studies", 4),
        ("/series", 4),
        ("/series?Modality=MR", 1),
        ("/instances", 54),
        (&format!("/studies/{CT_STUDY}/series"), 1),
        (&format!("/studies/{MR_STUDY}/instances"), 12),
        (&format!("/studies/{CT_STUDY}/series/{CT_SERIES}/instances"), 40),
        (&format!("/studies/{CT_STUDY}/series/{CT_SERIES}/instances?limit=7&offset=38"), 2),
        (&format!("/instances?SOPInstanceUID={}", ct_instance(3)), 1),
        ("/studies/1.2.3/series", 0),
    ] {
        assert_eq!(world.search(path).await.len(), count, "{path}");
    }
}

#[tokio::test]
async fn fields_are_added_when_asked_for() {
    let world = World::new().await;
    let path = format!("/studies/{CT_STUDY}/series/{CT_SERIES}/instances?limit=1");
    let plain = world.search(&path).await;
    assert!(plain[0].get("00180060").is_none());
    let with_voltage = world.search(&format!("{path}&includefield=KVP")).await;
    assert_eq!(value(&with_voltage[0], "00180060"), 120);
    let all = world.search(&format!("{path}&includefield=all")).await;
    assert_eq!(all[0]["00280030"]["Value"], json!([0.75, 0.75]));
}

#[tokio::test]
async fn a_wrong_query_is_refused_in_plain_text() {
    let world = World::new().await;
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "offset=-1",
        "Nonsense=1",
        "StudyDate=yesterday",
        "StudyDate=-",
    ] {
        let response = world.accepting(&format!("/studies?{query}"), "*/*").await;
        assert_eq!(response.status(), 400, "{query}");
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn nothing_found_is_204_without_a_body() {
    let world = World::new().await;
    let response = world.accepting("/studies?PatientID=nobody", "application/dicom+json").await;
    assert_eq!(response.status(), 204);
    assert!(response.headers().get("content-type").is_none());
    assert!(response.bytes().await.unwrap().is_empty());
}

use std::io::Cursor;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::FileDicomObject;
use dicom_transfer_syntax_registry::entries;
use gateway_tests::origin::sample::CT_STUDY;
use serde_json::{Value, json};

use super::{World, ct_path, parts, value};

#[tokio::test]
async fn what_was_retrieved_can_be_stored_under_another_name() {
    let world = World::new().await;
    let files = [renamed(&world, 1, |_| {}).await, renamed(&world, 2, |_| {}).await];
    let response = world.store("/studies", MULTIPART, multipart(&files)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/dicom+json");
    let report: Value = response.json().await.unwrap();
    assert!(report.get("00081190").is_none(), "a study's URL though none was named");
    let item = &report["00081199"]["Value"][0];
    assert_eq!(value(item, "00081155"), "1.2.3.1");
    assert_eq!(value(item, "00081190"), &world.url("/studies/1.2/series/1.2.3/instances/1.2.3.1"));

    let accept = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
    let response = world.accepting("/studies/1.2", accept).await;
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let parts = parts(&kind, &response.bytes().await.unwrap());
    assert!(parts[0].1 == files[0] && parts[1].1 == files[1] && parts.len() == 2);
}

#[tokio::test]
async fn a_single_instance_needs_no_multipart() {
    let world = World::new().await;
    let file = renamed(&world, 1, |_| {}).await;
    let response = world.store("/studies/1.2", "application/dicom", file).await;
    assert_eq!(response.status(), 200);
    let report: Value = response.json().await.unwrap();
    assert_eq!(value(&report, "00081190"), &world.url("/studies/1.2"));
}

#[tokio::test]
async fn an_instance_is_stored_once() {
    let world = World::new().await;
    let (old, new) = (renamed(&world, 1, |_| {}).await, renamed(&world, 2, |_| {}).await);
    world.store("/studies", "application/dicom", old.clone()).await;

    let response = world.store("/studies", "application/dicom", old.clone()).await;
    assert_eq!(response.status(), 409);
    let report: Value = response.json().await.unwrap();
    assert_eq!(value(&report["00081198"]["Value"][0], "00081197"), 45070);
    assert!(report.get("00081199").is_none());

    let response = world.store("/studies", MULTIPART, multipart(&[old, new])).await;
    assert_eq!(response.status(), 202);
    let report: Value = response.json().await.unwrap();
    assert_eq!(value(&report["00081198"]["Value"][0], "00081155"), "1.2.3.1");
    assert_eq!(value(&report["00081199"]["Value"][0], "00081155"), "1.2.3.2");
}

#[tokio::test]
async fn an_upsert_replaces_what_is_there() {
    let world = World::new().await;
    let old = renamed(&world, 1, |_| {}).await;
    let new = renamed(&world, 1, |it| {
        it.put_str(tags::PATIENT_ID, VR::LO, "CHANGED");
    });
    assert_eq!(world.put("/studies", old).await.status(), 200);
    let response = world.put("/studies/1.2", new.await).await;
    assert_eq!(response.status(), 200);
    let report: Value = response.json().await.unwrap();
    assert_eq!(value(&report, "00081190"), &world.url("/studies/1.2"));
    assert_eq!(world.search("/studies?PatientID=CHANGED").await.len(), 1);
    assert_eq!(world.origin.store().len(), 55);
}

#[tokio::test]
async fn what_is_larger_than_allowed_is_refused() {
    let world = World::new().await;
    let file = renamed(&world, 1, |_| {}).await;
    world.origin.store_limit(file.len() - 1);
    let response = world.store("/studies", "application/dicom", file.clone()).await;
    assert_eq!(response.status(), 413);
    let response = world.store("/studies", MULTIPART, multipart(std::slice::from_ref(&file))).await;
    assert_eq!(response.status(), 413);
    assert_eq!(world.origin.store().len(), 54);
    world.origin.store_limit(file.len());
    let response = world.store("/studies", "application/dicom", file).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn what_cannot_be_stored_is_told_with_a_reason() {
    let world = World::new().await;
    let file = renamed(&world, 1, |_| {}).await;
    let nameless =
        renamed(&world, 1, |it| assert!(it.remove_element(tags::STUDY_INSTANCE_UID))).await;
    let patientless = renamed(&world, 1, |it| assert!(it.remove_element(tags::PATIENT_ID))).await;
    let misnamed = renamed(&world, 1, |it| {
        it.put_str(tags::SERIES_INSTANCE_UID, VR::UI, "1_2");
    });
    for (path, body, reason) in [
        ("/studies", b"no DICOM at all".to_vec(), 272),
        ("/studies", nameless, 43264),
        ("/studies", patientless, 43264),
        ("/studies", misnamed.await, 43264),
        ("/studies/1.9", file, 43265),
    ] {
        let response = world.store(path, MULTIPART, multipart(&[body])).await;
        assert_eq!(response.status(), 409, "{reason}");
        let report: Value = response.json().await.unwrap();
        assert_eq!(value(&report["00081198"]["Value"][0], "00081197"), reason);
    }
    assert_eq!(world.origin.store().len(), 54);
}

#[tokio::test]
async fn odd_values_are_stored_with_a_warning() {
    let world = World::new().await;
    let undated = renamed(&world, 1, |it| {
        it.put_str(tags::STUDY_DATE, VR::DA, "NotADate");
    });
    let response = world.store("/studies", "application/dicom", undated.await).await;
    assert_eq!(response.status(), 202);
    let host = world.origin.address().to_string();
    let warning = response.headers()["warning"].to_str().unwrap();
    assert!(warning.starts_with(&format!("299 {host}: \"")), "{warning}");
    let report: Value = response.json().await.unwrap();
    let item = &report["00081199"]["Value"][0];
    assert_eq!(value(item, "00081196"), 1);
    let comment = value(&item["00741048"]["Value"][0], "00000902").as_str().unwrap();
    assert!(comment.contains("Content \"NotADate\" does not validate VR DA"));

    let plural = renamed(&world, 2, |it| {
        it.put_str(tags::PATIENT_ID, VR::LO, "one\\other");
    });
    let response = world.store("/studies", "application/dicom", plural.await).await;
    assert_eq!(response.status(), 200);
    let warning = response.headers()["warning"].to_str().unwrap();
    assert!(warning.starts_with(&format!("299 {host}: \"")), "{warning}");
}

#[tokio::test]
async fn a_body_that_is_no_store_is_refused() {
    let world = World::new().await;
    let file = multipart(&[renamed(&world, 1, |_| {}).await]);
    let cut = file[..file.len() / 2].to_vec();
    for (content_type, body, status) in [
        ("application/json", file.clone(), 415),
        ("multipart/related; type=\"application/dicom\"", file, 415),
        (MULTIPART, cut, 400),
        (MULTIPART, b"--b--\r\n".to_vec(), 204),
    ] {
        let response = world.store("/studies", content_type, body).await;
        assert_eq!(response.status(), status, "{content_type}");
    }
    assert_eq!(world.origin.store().len(), 54);
}

#[tokio::test]
async fn urls_follow_the_forwarding_headers() {
    let world = World::new().await;
    let file = renamed(&world, 1, |_| {}).await;
    let request = world
        .client
        .post(world.url("/studies"))
        .bearer_auth(super::TOKEN)
        .header("accept", "application/dicom+json")
        .header("content-type", "application/dicom")
        .header("x-forwarded-host", "imaging.example")
        .header("x-forwarded-prefix", "/dicom-web");
    let report: Value = request.body(file).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        value(&report["00081199"]["Value"][0], "00081190"),
        "http://imaging.example/dicom-web/studies/1.2/series/1.2.3/instances/1.2.3.1"
    );
}

#[tokio::test]
async fn another_transfer_syntax_is_kept_and_turned_into_explicit_when_asked() {
    let world = World::new().await;
    let plain = world.accepting(&ct_path(1), "application/dicom").await.bytes().await.unwrap();
    let mut object = dicom_object::from_reader(Cursor::new(&plain)).unwrap();
    object.put_str(tags::STUDY_INSTANCE_UID, VR::UI, "1.2");
    object.meta_mut().set_transfer_syntax(&entries::IMPLICIT_VR_LITTLE_ENDIAN.erased());
    let mut implicit = Vec::new();
    object.write_all(&mut implicit).unwrap();
    world.store("/studies", "application/dicom", implicit.clone()).await;

    let path = ct_path(1).replace(CT_STUDY, "1.2");
    let original = world.accepting(&path, "application/dicom; transfer-syntax=*").await;
    assert!(original.bytes().await.unwrap() == implicit);
    let turned = world.accepting(&path, "application/dicom").await.bytes().await.unwrap();
    let turned = dicom_object::from_reader(Cursor::new(&turned)).unwrap();
    assert_eq!(turned.meta().transfer_syntax(), uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(turned.get(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().len(), 512 * 512 * 2);
}

#[tokio::test]
async fn what_was_deleted_is_gone_and_in_the_change_feed() {
    let world = World::new().await;
    assert_eq!(world.delete(&ct_path(1)).await.status(), 204);
    assert_eq!(world.accepting(&ct_path(1), "*/*").await.status(), 404);
    assert_eq!(world.delete(&ct_path(1)).await.status(), 404);

    let latest = world.accepting("/changefeed/latest", "application/json").await;
    let latest: Value = latest.json().await.unwrap();
    assert_eq!((&latest["action"], &latest["state"]), (&json!("delete"), &json!("deleted")));
    assert_eq!(latest["sequence"], 55);
    let page = world.accepting("/changefeed?offset=50&limit=10", "application/json").await;
    let page: Vec<Value> = page.json().await.unwrap();
    assert_eq!(page.len(), 5);
    assert_eq!(page[0]["state"], "current");
    assert_eq!(value(&page[0]["metadata"], "00080018"), &page[0]["sopInstanceUid"]);

    assert_eq!(world.delete(&format!("/studies/{CT_STUDY}")).await.status(), 204);
    assert_eq!(world.search("/studies").await.len(), 3);
}

/// Image `n` of the phantom as study 1.2, series 1.2.3, instance 1.2.3.`n`, changed by `edit`.
pub(super) async fn renamed(
    world: &World,
    n: usize,
    edit: impl FnOnce(&mut dicom_object::InMemDicomObject),
) -> Vec<u8> {
    let file = world.accepting(&ct_path(n), "application/dicom").await.bytes().await.unwrap();
    let mut object: FileDicomObject<_> = dicom_object::from_reader(Cursor::new(file)).unwrap();
    let name = format!("1.2.3.{n}");
    object.put_str(tags::STUDY_INSTANCE_UID, VR::UI, "1.2");
    object.put_str(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3");
    object.put_str(tags::SOP_INSTANCE_UID, VR::UI, &name);
    object.update_meta(|meta| meta.media_storage_sop_instance_uid = name);
    edit(&mut object);
    let mut renamed = Vec::new();
    object.write_all(&mut renamed).unwrap();
    renamed
}

fn multipart(files: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for file in files {
        body.extend_from_slice(b"--b\r\nContent-Type: application/dicom\r\n\r\n");
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

const MULTIPART: &str = "multipart/related; type=\"application/dicom\"; boundary=\"b\"";

use dicom_dictionary_std::tags;
use gateway_tests::origin::sample::{CR_STUDY, CT_SERIES, CT_STUDY, US_STUDY};
use serde_json::Value;

use super::{World, ct_path, parts, value};

#[tokio::test]
async fn metadata_and_instance_agree() {
    let world = World::new().await;
    let metadata: Vec<Value> = world.search(&format!("{}/metadata", ct_path(5))).await;
    let file = world.accepting(&ct_path(5), "application/dicom").await.bytes().await.unwrap();
    let object = dicom_object::from_reader(&file[..]).unwrap();

    let attributes = metadata[0].as_object().unwrap();
    assert!(!attributes.contains_key("7FE00010"), "bulk data in metadata");
    assert_eq!(attributes.len() + 1, object.iter().count());
    for (tag, attribute) in attributes {
        let element = object.get(tag.parse().unwrap()).unwrap();
        assert_eq!(attribute["vr"], element.vr().to_string());
    }
    assert_eq!(
        value(&metadata[0], "00200013"),
        object.get(tags::INSTANCE_NUMBER).unwrap().to_int::<i64>().unwrap()
    );
    assert_eq!(value(&metadata[0], "00201041"), -80);
    assert_eq!(value(&metadata[0], "00280030"), 0.75);
}

#[tokio::test]
async fn metadata_comes_for_instance_series_and_study() {
    let world = World::new().await;
    for (path, count) in [
        (ct_path(1), 1),
        (format!("/studies/{CT_STUDY}/series/{CT_SERIES}"), 40),
        (format!("/studies/{CT_STUDY}"), 40),
    ] {
        assert_eq!(world.search(&format!("{path}/metadata")).await.len(), count);
    }
}

#[tokio::test]
async fn a_frame_is_the_stored_pixel_data() {
    let world = World::new().await;
    let file = world.accepting(&ct_path(9), "application/dicom").await.bytes().await.unwrap();
    let object = dicom_object::from_reader(&file[..]).unwrap();
    let pixels = object.get(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();

    let single =
        world.accepting(&format!("{}/frames/1", ct_path(9)), "application/octet-stream").await;
    assert_eq!(
        single.headers()["content-type"],
        "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
    );
    assert!(single.bytes().await.unwrap() == pixels[..]);
}

#[tokio::test]
async fn frames_come_in_the_order_asked_for() {
    let world = World::new().await;
    let path = {
        let found = world.search(&format!("/studies/{US_STUDY}/instances")).await;
        let uid = |tag| value(&found[0], tag).as_str().unwrap().to_owned();
        format!("/studies/{US_STUDY}/series/{}/instances/{}", uid("0020000E"), uid("00080018"))
    };
    let file = world.accepting(&path, "application/dicom").await.bytes().await.unwrap();
    let object = dicom_object::from_reader(&file[..]).unwrap();
    let pixels = object.get(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();
    let frame = |n: usize| pixels[(n - 1) * 230_400..n * 230_400].to_vec();

    let accept = "multipart/related; type=\"application/octet-stream\"";
    let response = world.accepting(&format!("{path}/frames/12,3"), accept).await;
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let parts = parts(&kind, &response.bytes().await.unwrap());
    assert!(parts[0].1 == frame(12) && parts[1].1 == frame(3) && parts.len() == 2);

    assert_eq!(world.accepting(&format!("{path}/frames/13"), accept).await.status(), 404);
    assert_eq!(world.accepting(&format!("{path}/frames/0"), accept).await.status(), 400);
    let several = world.accepting(&format!("{path}/frames/1,2"), "application/octet-stream").await;
    assert_eq!(several.status(), 406);
}

#[tokio::test]
async fn a_series_comes_as_multipart_without_type_and_without_length() {
    let world = World::new().await;
    let path = format!("/studies/{CT_STUDY}/series/{CT_SERIES}");
    let accept = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
    let response = world.accepting(&path, accept).await;
    assert!(response.headers().get("content-length").is_none());
    assert_eq!(response.headers()["transfer-encoding"], "chunked");
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("multipart/related; boundary=") && !kind.contains("type="));
    let parts = parts(&kind, &response.bytes().await.unwrap());
    let stored = world.origin.store().instances();
    let stored: Vec<_> = stored.iter().filter(|it| it.sop().study == CT_STUDY).collect();
    assert_eq!(parts.len(), 40);
    for (part, instance) in parts.iter().zip(stored) {
        assert_eq!(part.0, "application/dicom; transfer-syntax=1.2.840.10008.1.2.1");
        assert!(part.1 == instance.bytes()[..]);
    }
}

#[tokio::test]
async fn a_rendered_slice_is_a_picture_of_its_size() {
    let world = World::new().await;
    let response = world.accepting(&format!("{}/rendered", ct_path(20)), "image/png").await;
    assert_eq!(response.headers()["content-type"], "image/png");
    let encoded = response.bytes().await.unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(&encoded[..])).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (512, 512));
    let at = |x: usize, y: usize| pixels[y * 512 + x];
    assert_eq!(at(5, 5), 0, "air is not black");
    assert!(at(256, 190) > 100, "the heart is not there");

    let jpeg = async |quality: u8| {
        let path = format!("{}/frames/1/rendered?quality={quality}", ct_path(20));
        world.accepting(&path, "image/jpeg").await
    };
    let fine = jpeg(90).await.bytes().await.unwrap();
    let coarse = jpeg(10).await.bytes().await.unwrap();
    assert!(fine.starts_with(b"\xFF\xD8") && coarse.len() < fine.len());
    assert_eq!(jpeg(101).await.status(), 400);
}

#[tokio::test]
async fn an_entity_tag_has_no_quotes_and_saves_the_body() {
    let world = World::new().await;
    let path = format!("/studies/{CR_STUDY}/metadata");
    let first = world.accepting(&path, "application/dicom+json").await;
    let tag = first.headers()["etag"].clone();
    let (newest, count) = tag.to_str().unwrap().split_once('-').unwrap();
    assert!(newest.parse::<u64>().is_ok() && count == "1");

    let again = world.get(&path).header("accept", "*/*").header("if-none-match", &tag);
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), 304);
    assert!(again.headers().get("etag").is_none());

    for never in ["*".to_owned(), format!("W/{}", tag.to_str().unwrap())] {
        let request = world.get(&path).header("accept", "*/*").header("if-none-match", never);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let other = world.get(&path).header("accept", "*/*").header("if-none-match", "1-1");
    let list = other.header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(list.status(), 200, "a list");
    assert!(first.headers().get("cache-control").is_none());

    let quoted = format!("\"{}\"", tag.to_str().unwrap());
    let quoted = world.get(&path).header("accept", "*/*").header("if-none-match", quoted);
    assert_eq!(quoted.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let world = World::new().await;
    for path in [
        "/studies/1.2.3",
        "/studies/1.2.3/metadata",
        "/workitems/1.2",
        "/nothing",
        "/../v1/studies",
    ] {
        assert_eq!(world.accepting(path, "*/*").await.status(), 404, "{path}");
    }
    assert_eq!(world.accepting("/studies/1_2", "*/*").await.status(), 400);
}

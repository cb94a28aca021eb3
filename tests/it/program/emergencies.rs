//! What an operator reads of an emergency.

use gateway::{KeyFile, KeyName};
use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, Recorder, World};

use super::serve;

#[tokio::test]
async fn an_emergency_is_told_of_once_without_a_name_or_a_reason() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let keys = KeyFile::at(&world.scratch.path().join("api-keys")).unwrap();
    let key = keys.generate("ward-7".parse::<KeyName>().unwrap(), None).unwrap().to_string();
    let toml = Toml {
        route: "callers = { api_keys = \"api-keys\" }\nallow = [\"search\"]\n\
                emergency = { to = [\"api_key:ward-7\"], allow = [\"retrieve\"] }"
            .into(),
        more: "[audit]\nfile = \"audit.jsonl\"\n".into(),
        ..world.toml(recorder.url())
    };
    let mut program = serve(&world, &toml);
    let (callers, _) = program.addresses().await;
    let mut caller = RawCaller::connect(callers).await.unwrap();
    let send = |reason: &str| {
        format!(
            "GET /dicom-web/studies/1.2 HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {key}\r\n\
             Emergency-Access: {reason}\r\n\r\n"
        )
    };
    for reason in ["fall%2D4711", "fall-4711", "stroke-4711"] {
        caller.send(send(reason)).await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().status, 200);
    }
    let line = program.wait_for_lines("an emergency was asserted", 2).await.remove(0);
    assert!(line.contains("WARN") && line.contains("api_key"), "{line}");
    let told = program.stderr();
    assert_eq!(told.matches("an emergency was asserted").count(), 2, "one for each reason: {told}");
    assert!(!told.contains("4711") && !told.contains("ward-7"), "{told}");
}

use super::super::entry::{Event, Outcome, Principal};
use super::xml::TEXT_MOST;
use super::*;

#[test]
fn a_retrieval_is_told_whole() {
    assert_eq!(
        message(&retrieval()),
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><AuditMessage>"#,
            r#"<EventIdentification EventActionCode="R" EventDateTime="2026-11-23T14:00:00.123Z" "#,
            r#"EventOutcomeIndicator="12"><EventID csd-code="110104" codeSystemName="DCM" "#,
            r#"originalText="DICOM Instances Transferred"/><EventOutcomeDescription>"#,
            r#"502 origin-broke-off (origin)</EventOutcomeDescription></EventIdentification>"#,
            r#"<ActiveParticipant UserID="viewer" UserIsRequestor="false" "#,
            r#"NetworkAccessPointID="192.0.2.7" NetworkAccessPointTypeCode="2"><RoleIDCode "#,
            r#"csd-code="110152" codeSystemName="DCM" originalText="Destination Role ID"/>"#,
            r#"</ActiveParticipant><ActiveParticipant UserID="origin.example:8443" "#,
            r#"UserIsRequestor="false" NetworkAccessPointID="origin.example" "#,
            r#"NetworkAccessPointTypeCode="1"><RoleIDCode csd-code="110153" "#,
            r#"codeSystemName="DCM" originalText="Source Role ID"/></ActiveParticipant>"#,
            r#"<ActiveParticipant UserID="8f2a" AlternativeUserID="https://issuer.example" "#,
            r#"UserIsRequestor="true" NetworkAccessPointID="192.0.2.7" "#,
            r#"NetworkAccessPointTypeCode="2"></ActiveParticipant>"#,
            r#"<ActiveParticipant UserID="dicom-gateway" AlternativeUserID="default" "#,
            r#"UserIsRequestor="false"><RoleIDCode csd-code="110150" codeSystemName="DCM" "#,
            r#"originalText="Application"/></ActiveParticipant>"#,
            r#"<AuditSourceIdentification AuditEnterpriseSiteID="St. Anne &amp; Co" "#,
            r#"AuditSourceID="dicom-gateway"><AuditSourceTypeCode csd-code="4"/>"#,
            r#"</AuditSourceIdentification><ParticipantObjectIdentification "#,
            r#"ParticipantObjectID="1.2" ParticipantObjectTypeCode="2" "#,
            r#"ParticipantObjectTypeCodeRole="3"><ParticipantObjectIDTypeCode "#,
            r#"csd-code="110180" codeSystemName="DCM" originalText="Study Instance UID"/>"#,
            r#"<ParticipantObjectName>Study</ParticipantObjectName><ParticipantObjectDetail "#,
            r#"type="SeriesInstanceUID" value="MS4yLjM="/><ParticipantObjectDescription>"#,
            r#"<SOPClass NumberOfInstances="1"><Instance UID="1.2.3.4"/></SOPClass>"#,
            r#"</ParticipantObjectDescription></ParticipantObjectIdentification>"#,
            r#"<ParticipantObjectIdentification ParticipantObjectID="&lt;unknown&gt;" "#,
            r#"ParticipantObjectTypeCode="1" ParticipantObjectTypeCodeRole="1">"#,
            r#"<ParticipantObjectIDTypeCode csd-code="2" codeSystemName="RFC-3881" "#,
            r#"originalText="Patient Number"/><ParticipantObjectName>&lt;unknown&gt;"#,
            r#"</ParticipantObjectName></ParticipantObjectIdentification>"#,
            r#"<ParticipantObjectIdentification ParticipantObjectID="0123456789abcdef" "#,
            r#"ParticipantObjectTypeCode="2"><ParticipantObjectIDTypeCode "#,
            r#"csd-code="XrequestId" codeSystemName="https://profiles.ihe.net/ITI/BALP/CodeSyst"#,
            r#"em/BasicAuditEntityType" originalText="X-Request-Id"/>"#,
            r#"<ParticipantObjectName>Request</ParticipantObjectName>"#,
            r#"<ParticipantObjectDetail type="Transaction" value="cmV0cmlldmU="/>"#,
            r#"<ParticipantObjectDetail type="Resource" value="cGFydA=="/>"#,
            r#"<ParticipantObjectDetail type="Method" value="R0VU"/>"#,
            r#"<ParticipantObjectDetail type="Route" value="L2RpY29tLXdlYg=="/>"#,
            r#"<ParticipantObjectDetail type="Origin" value="b3JpZ2luLmV4YW1wbGU6ODQ0Mw=="/>"#,
            r#"<ParticipantObjectDetail type="Client" value="ZGVmYXVsdA=="/>"#,
            r#"<ParticipantObjectDetail type="PrincipalKind" value="YmVhcmVy"/>"#,
            r#"<ParticipantObjectDetail type="Application" value="dmlld2Vy"/>"#,
            r#"<ParticipantObjectDetail type="Status" value="NTAy"/>"#,
            r#"<ParticipantObjectDetail type="Code" value="b3JpZ2luLWJyb2tlLW9mZg=="/>"#,
            r#"<ParticipantObjectDetail type="Blame" value="b3JpZ2lu"/>"#,
            r#"</ParticipantObjectIdentification></AuditMessage>"#,
        )
    );
}

#[test]
fn a_search_tells_of_its_path_and_not_of_its_query() {
    let entry = Entry {
        transaction: Some("search".into()),
        resource: Some("searched".into()),
        series: Some("1.2.3".into()),
        instance: None,
        ..retrieval()
    };
    let query = BASE64_STANDARD.encode("StudyInstanceUID=1.2&SeriesInstanceUID=1.2.3");
    let told = format!("<ParticipantObjectQuery>{query}</ParticipantObjectQuery>");
    assert!(message(&entry).contains(&told));
    let everything = Entry { study: None, series: None, ..entry };
    assert!(message(&everything).contains("<ParticipantObjectQuery></ParticipantObjectQuery>"));
}

#[test]
fn a_store_says_r_as_who_is_not_the_receiver_must() {
    let entry = Entry { transaction: Some("store".into()), ..retrieval() };
    assert!(message(&entry).contains(r#"EventActionCode="R""#));
    assert!(message(&entry).contains(r#"type="Transaction" value="c3RvcmU=""#));
}

#[test]
fn no_text_gets_out_of_its_place() {
    let entry = Entry {
        client: Some("\"/><EventID a='&amp;'\u{0}\u{1}\t\r\n\u{7f}\u{85}\u{fffe}é\u{1f600}".into()),
        ..retrieval()
    };
    let message = message(&entry);
    assert!(message.contains(
        "AlternativeUserID=\"&quot;/&gt;&lt;EventID a=&apos;&amp;amp;&apos;\
         \u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}é\u{1f600}\""
    ));
    assert!(!message.contains(char::is_control));
}

#[test]
fn each_text_is_bounded_and_so_is_the_message() {
    for character in ["\"", "é", "\u{1f600}"] {
        let long = character.repeat(3 * TEXT_MOST);
        let text = || Some(long.clone());
        let mut entry = Entry {
            emergency: text(),
            client: text(),
            origin: text(),
            route: text(),
            partition: text(),
            ..retrieval()
        };
        let principal = entry.principal.get_or_insert_default();
        (principal.id, principal.issuer, principal.application) = (text(), text(), text());
        for event in [Event::Transaction, Event::EmergencyStart] {
            entry.event = event;
            let mut out = String::new();
            let site = text();
            write(&entry, &Source { id: long.clone(), site }, &mut out);
            assert!(out.len() <= 32_768, "{}", out.len());
            assert!(!out.contains(&character.repeat(TEXT_MOST + 1)));
        }
    }
}

#[test]
fn a_reason_is_whole_in_any_script() {
    for character in ["a", "é", "急", "\u{1f600}"] {
        let longest = character.repeat(256);
        let entry = Entry { emergency: Some(longest.clone()), ..retrieval() };
        let told = format!(r#"type="Emergency" value="{}""#, BASE64_STANDARD.encode(&longest));
        assert!(message(&entry).contains(&told), "{character}");
        assert_eq!(bounded(&longest.repeat(2)), longest);
    }
}

fn message(entry: &Entry) -> String {
    let mut out = String::new();
    let source = Source { id: "dicom-gateway".into(), site: Some("St. Anne & Co".into()) };
    write(entry, &source, &mut out);
    out
}

fn retrieval() -> Entry {
    Entry {
        time: "2026-11-23T14:00:00.123Z".into(),
        id: "0123456789abcdef".into(),
        outcome: Outcome::MajorFailure,
        principal: Some(Principal {
            kind: "bearer".into(),
            id: Some("8f2a".into()),
            issuer: Some("https://issuer.example".into()),
            application: Some("viewer".into()),
            tenant: None,
        }),
        address: Some([192, 0, 2, 7].into()),
        route: Some("/dicom-web".into()),
        origin: Some("origin.example:8443".into()),
        client: Some("default".into()),
        transaction: Some("retrieve".into()),
        resource: Some("part".into()),
        method: Some("GET".into()),
        study: Some("1.2".into()),
        series: Some("1.2.3".into()),
        instance: Some("1.2.3.4".into()),
        status: Some(502),
        blame: Some("origin".into()),
        code: Some("origin-broke-off".into()),
        ..Entry::default()
    }
}

use bytes::Bytes;
use config::Profile;

use super::super::reference::{Route, route};
use super::*;

fn orthanc() -> Route {
    let public = "https://imaging.example/pacs";
    route("http://orthanc:8042/dicom-web", &[], Profile::Orthanc, public)
}

fn text(route: &Route, syntax: Syntax) -> Text {
    Text::new(Arc::new(route.links()), syntax)
}

fn rewritten(route: &Route, syntax: Syntax, whole: &str) -> String {
    let (mut text, mut out) = (text(route, syntax), VecDeque::new());
    text.push(Bytes::copy_from_slice(whole.as_bytes()), &mut out);
    text.finish(&mut out);
    String::from_utf8(out.into_iter().flatten().collect()).unwrap()
}

fn json(whole: &str) -> String {
    rewritten(&orthanc(), Syntax::Json, whole)
}

#[test]
fn urls_are_replaced_at_any_depth_and_however_their_slashes_are_written() {
    for url in [
        "http://orthanc:8042/dicom-web",
        "http:\\/\\/orthanc:8042\\/dicom-web",
        "http:\\u002f\\u002Forthanc:8042\\/dicom-web",
    ] {
        let before = format!("[{{\"a\":[{{\"b\":\"{url}/studies/1\"}}, \"{url}\"]}}]");
        let ours = "https://imaging.example/pacs";
        assert_eq!(
            json(&before),
            format!("[{{\"a\":[{{\"b\":\"{ours}/studies/1\"}}, \"{ours}\"]}}]")
        );
    }
}

#[test]
fn a_url_may_be_cut_anywhere() {
    for slash in ["/", "\\/", "\\u002f"] {
        let before = "[\"http://orthanc:8042/dicom-web/studies/1\",{\"href\":\"/dicom-web/\"}]";
        let before = Bytes::from(before.replace('/', slash));
        let expected = json(std::str::from_utf8(&before).unwrap());
        assert_eq!(expected.matches("https://imaging.example/pacs").count(), 2);
        for cut in 0..before.len() {
            let (mut text, mut out) = (text(&orthanc(), Syntax::Json), VecDeque::new());
            text.push(before.slice(..cut), &mut out);
            text.push(before.slice(cut..), &mut out);
            text.finish(&mut out);
            let out = out.into_iter().flatten().collect::<Vec<_>>();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "at {cut}");
        }
    }
}

/// Else it would be found where a chunk ends in it, and nowhere else.
#[test]
fn capitals_are_known_where_the_path_is_what_is_searched_for() {
    let short = route("http://pacs", &[], Profile::Generic, "https://imaging.example/x");
    for (route, before, expected) in [
        (&orthanc(), "\"HTTP://Orthanc:8042/dicom-web\"", "\"https://imaging.example/pacs\""),
        (&short, "\"HTTP://pacs/\"", "\"https://imaging.example/x/\""),
        (&short, "\"http://PACS/\"", "\"http://PACS/\""),
    ] {
        assert_eq!(rewritten(route, Syntax::Json, before), expected);
        for cut in 0..before.len() {
            let (mut text, mut out) = (text(route, Syntax::Json), VecDeque::new());
            text.push(Bytes::copy_from_slice(&before.as_bytes()[..cut]), &mut out);
            text.push(Bytes::copy_from_slice(&before.as_bytes()[cut..]), &mut out);
            let out = out.into_iter().flatten().collect::<Vec<_>>();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "at {cut}");
        }
    }
}

#[test]
fn what_follows_the_base_stays_to_the_byte() {
    let rest = "\\/studies\\u002f1?a=\\\"b\\\"&c=\\u00e9#d";
    let before = format!("\"http:\\/\\/orthanc:8042\\/dicom-web{rest}\"");
    assert_eq!(json(&before), format!("\"https://imaging.example/pacs{rest}\""));
}

#[test]
fn urls_of_others_and_urls_within_a_text_stay() {
    for stays in [
        "\"https://x.blob.core.windows.net/container/errors.log\"",
        "\"see http://orthanc:8042/dicom-web/studies\"",
        "\"say \\\"http://orthanc:8042/dicom-web\\\"\"",
        "\"http://orthanc:8042/dicom-webs\"",
        "\"http://orthanc:8042/other\"",
        "\"dicom-web\"",
        "\"/dicom-web/studies\"",
        "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"/dicom-web/1\"]}}",
        "\"http://orthanc:8042/dicom-web",
        "http://orthanc:8042/dicom-web/",
        "\"../../bulkdata/1\"",
    ] {
        assert_eq!(json(stays), stays);
    }
}

#[test]
fn paths_are_replaced_where_they_are_references() {
    for place in [
        "{\"BulkDataURI\":\"@\"}",
        "{ \"vr\" : \"OB\",\n  \"BulkDataURI\" : \"@\"}",
        "{\"operation\":{\"href\":\"@\"}}",
        "{\"00081190\":{\"vr\":\"UR\",\"Value\":[\"@\"]}}",
        "{\"00081190\":{\"Value\":[\"@\"],\"vr\":\"UR\"}}",
    ] {
        for path in ["/dicom-web/studies/1", "\\/dicom-web/studies/1"] {
            let ours = place.replace('@', "https://imaging.example/pacs/studies/1");
            assert_eq!(json(&place.replace('@', path)), ours);
        }
        for relative in ["bulkdata/1", "../../bulkdata/1", "/dicom-webs/1", "/other/1"] {
            assert_eq!(json(&place.replace('@', relative)), place.replace('@', relative));
        }
    }
}

#[test]
fn a_path_that_callers_use_as_well_leads_them_right() {
    let same = "https://imaging.example/dicom-web";
    let route = route("http://orthanc:8042/dicom-web", &[], Profile::Orthanc, same);
    let stays = "{\"BulkDataURI\":\"/dicom-web/studies/1\"}";
    assert_eq!(rewritten(&route, Syntax::Json, stays), stays);
}

#[test]
fn a_server_without_a_path_has_all_paths_and_no_host_but_its_own() {
    let route = route("http://pacs", &[], Profile::Generic, "https://imaging.example/x");
    let json =
        |uri: &str| rewritten(&route, Syntax::Json, &format!("{{\"BulkDataURI\":\"{uri}\"}}"));
    let ours = |uri: &str| format!("{{\"BulkDataURI\":\"{uri}\"}}");
    assert_eq!(json("/bulk/1"), ours("https://imaging.example/x/bulk/1"));
    assert_eq!(json("\\u002Fbulk/1"), ours("https://imaging.example/x\\u002Fbulk/1"));
    assert_eq!(json("//pacs/bulk/1"), ours("https://imaging.example/x/bulk/1"));
    assert_eq!(json("//other/bulk/1"), ours("//other/bulk/1"));
    assert_eq!(json("bulk/1"), ours("bulk/1"));
}

#[test]
fn xml_has_urls_in_attributes_and_as_words() {
    let xml = |whole: &str| rewritten(&orthanc(), Syntax::Xml, whole);
    for place in [
        "<resources base=\"@\"/>",
        "<resources base='@/'/>",
        "<Value number=\"1\">@/studies/1</Value>",
        "<Value number=\"1\">\n @\n</Value>",
        "<BulkData URI=\"@/a?b&amp;c\"/>",
        "<a>see @/studies</a>",
    ] {
        let before = place.replace('@', "http://orthanc:8042/dicom-web");
        assert_eq!(xml(&before), place.replace('@', "https://imaging.example/pacs"));
    }
    let relative = "<BulkData uri=\"/dicom-web/bulk/1\"/><Value>/dicom-web/1</Value>";
    let ours = "<BulkData uri=\"https://imaging.example/pacs/bulk/1\"/><Value>/dicom-web/1</Value>";
    assert_eq!(xml(relative), ours);
}

#[test]
fn a_chunk_without_a_url_is_given_as_it_is() {
    let (mut text, mut out) = (text(&orthanc(), Syntax::Json), VecDeque::new());
    let chunk = Bytes::from("{\"a\":\"dicom-web\",\"b\":1,".repeat(1000));
    text.push(chunk.clone(), &mut out);
    let given = out.pop_front().unwrap();
    assert_eq!((given.as_ptr(), given.len()), (chunk.as_ptr(), chunk.len()));
    assert!(out.is_empty());
}

#[test]
fn nothing_is_held_but_what_may_be_the_beginning_of_a_url() {
    for (chunk, held) in [
        ("\"abc", 0),
        ("\"abc\":", 0),
        ("\"", 0),
        ("\"h", 1),
        ("\"http:\\", 6),
        ("\"http:\\/\\/orthanc:8042", 21),
        ("\"http:\\/\\/orthanc:8043", 0),
        ("\"http://orthanc:8042/dicom-web", 29),
        ("\"http://orthanc:8042/dicom-web/", 0),
        ("{\"BulkDataURI\":\"/dicom", 6),
        ("{\"description\":\"/dicom", 0),
    ] {
        let (mut text, mut out) = (text(&orthanc(), Syntax::Json), VecDeque::new());
        text.push(Bytes::copy_from_slice(chunk.as_bytes()), &mut out);
        assert_eq!(text.held.len(), held, "{chunk}");
    }
}

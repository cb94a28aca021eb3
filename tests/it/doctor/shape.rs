//! What programs read of the doctor: `docs/doctor.md` says it, and so it stays.

use std::collections::BTreeMap;
use std::path::Path;

use gateway_tests::{Recorder, Reply};

use super::*;

#[tokio::test]
async fn every_finding_has_the_shape_that_the_page_promises() {
    let checks = promised();
    let world = World::new().await;
    let service = service(&world).await;
    let refusing = Recorder::start().await;
    refusing.reply_with(Reply::Bytes(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer resource=\"https://a.example\"\r\n\
         Content-Length: 0\r\n\r\n"
            .into(),
    ));
    let good = azure(&world, &service);
    let files = [
        good.text(),
        Toml { origin: refusing.url(), ..world.toml("") }.text(),
        Toml { origin: "https://doctor.invalid".into(), ..good.clone() }.text(),
        Toml { origin: service.base_url().replace("/v2", ""), ..good.clone() }.text(),
        Toml { scope: "wrong".into(), ..good.clone() }.text(),
        "[listener]\naddress = 5\n".to_owned(),
    ];
    for text in files {
        let file = world.scratch.file("gateway.toml", text);
        for one in examine(&file, &["--origin", "https://viewer.example"]).await.all {
            holds(&checks, &one);
        }
    }
}

#[test]
fn every_fact_that_is_told_is_on_the_page() {
    let known = promised().into_values().flatten().collect::<Vec<_>>();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/src/doctor");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for rest in source.split(".fact(\"").skip(1) {
            let (name, _) = rest.split_once('"').unwrap();
            assert!(known.iter().any(|known| known == name), "{name} is not on the page");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[tokio::test]
async fn the_exit_code_says_whether_something_failed_or_nothing_was_asked() {
    let world = World::new().await;
    let service = service(&world).await;
    let good = world.scratch.file("good.toml", azure(&world, &service).text());
    let bad = world.scratch.file("bad.toml", world.toml("https://doctor.invalid").text());
    for (file, arguments, code) in [
        (&good, &[][..], 0),
        (&good, &["--origin", "https://viewer.example"], 1),
        (&bad, &[], 1),
        (&good, &["--route", "/none"], 64),
        (&good, &["--unknown"], 64),
        (&good, &["--origin"], 64),
    ] {
        assert_eq!(run(file, arguments).await.code, Some(code), "{arguments:?}");
    }
    let arguments = ["doctor".as_ref(), good.as_os_str()];
    let proxy = ("HTTPS_PROXY", "http://proxy.example");
    let warned = Program::run(&arguments, &[proxy]).await;
    assert!(warned.stdout.contains("1 to be seen to, 0 failed"), "{}", warned.stdout);
    assert_eq!(warned.code, Some(0), "a warning is no failure");
    assert_eq!(Program::run(&["doctor"], &[]).await.code, Some(64));
}

#[tokio::test]
async fn each_line_for_people_tells_how_long_its_check_took() {
    let world = World::new().await;
    let service = service(&world).await;
    let file = file(&world, &azure(&world, &service));

    let ended = run(&file, &[]).await;

    let checks = ended.stdout.lines().filter(|line| line.starts_with("  ok "));
    let checks = checks.collect::<Vec<_>>();
    assert!(checks.len() > 10, "{}", ended.stdout);
    assert!(checks.iter().all(|line| line.ends_with(" ms)")), "{}", ended.stdout);
}

fn holds(checks: &BTreeMap<(String, String), Vec<String>>, one: &Value) {
    const NAMES: [&str; 7] = ["subject", "check", "verdict", "took_ms", "says", "remedy", "facts"];
    let fields = one.as_object().unwrap();
    assert!(fields.keys().all(|name| NAMES.contains(&name.as_str())), "{one}");
    assert!(one["took_ms"].is_u64() && one["says"].is_string(), "{one}");
    let verdict = text(one, "verdict");
    assert!(["ok", "warn", "fail", "skip"].contains(&verdict.as_str()), "{one}");
    assert_eq!(one["remedy"].is_string(), verdict == "warn" || verdict == "fail", "{one}");

    let subject = text(one, "subject");
    let kind = match subject.rsplit_once(' ') {
        Some((kind, _)) => kind,
        None => &subject,
    };
    let check = (kind.to_owned(), text(one, "check"));
    let facts = checks.get(&check).unwrap_or_else(|| panic!("{check:?} is not on the page"));
    let told = one["facts"].as_object().into_iter().flatten();
    for (name, _) in told {
        assert!(facts.contains(name), "{name} is not on the page: {one}");
    }
}

/// Checks by subject with their facts, as the page's table has them.
fn promised() -> BTreeMap<(String, String), Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (_, part) = page.split_once("## For programs").expect("the part");
    let (part, _) = part.split_once("\n## ").expect("its end");
    let words = |cell: &str| {
        let words = cell.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut checks = BTreeMap::new();
    for row in part.lines().filter(|line| line.starts_with("| `")) {
        let cells = row.split('|').map(words).collect::<Vec<_>>();
        for subject in &cells[1] {
            let kind = subject.split(' ').take_while(|word| word.chars().any(char::is_lowercase));
            let kind = kind.collect::<Vec<_>>().join(" ");
            checks.insert((kind, cells[2][0].clone()), cells[3].clone());
        }
    }
    checks
}

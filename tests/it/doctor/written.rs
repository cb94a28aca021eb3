//! `docs/doctor.md` shows what the doctor really says. `UPDATE_DOCS=1` writes the page anew.

use std::path::Path;

use gateway_tests::authority::refusal;
use gateway_tests::{Authority, Recorder, Reply};

use super::*;

#[tokio::test]
async fn the_page_of_common_mistakes_shows_what_is_really_said() {
    let mut written = String::from(HEADING);
    for (index, (mistake, title, text)) in MISTAKES.iter().enumerate() {
        let said = said_of(*mistake).await;
        written
            .push_str(&format!("\n### {}. {title}\n\n{text}\n\n```text\n{said}```\n", index + 1));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, after) = page.split_at(page.find(HEADING).expect("the heading"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{written}")).unwrap();
        return;
    }
    assert!(
        after == written,
        "docs/doctor.md is not true any more: UPDATE_DOCS=1 mends it\n{written}"
    );
}

#[derive(Clone, Copy)]
enum Mistake {
    SecretId,
    SecretEnded,
    Application,
    Tenant,
    NoDefault,
    NoRole,
    Audience,
    NoVersion,
    Portal,
    Page,
}

/// What the doctor says of it, where it finds something, as on the machine of an operator of Azure.
async fn said_of(mistake: Mistake) -> String {
    let world = World::new().await;
    let service = service(&world).await;
    let other = Recorder::start_tls(&world.ca).await;
    let refuse = |answer: &str| other.reply_with(Reply::Bytes(answer.into()));
    let mut toml = azure(&world, &service);
    let mut arguments = Vec::new();
    match mistake {
        Mistake::SecretId => {
            world.scratch.file("client-secret", "5c0d1f1e-8b1a-4b7e-9a55-0f3a4f1c2d3e");
        }
        Mistake::SecretEnded => {
            world.authority.answer_with(refusal("invalid_client", 7_000_222, "expired"));
        }
        Mistake::Application => toml.id = OTHER_APPLICATION.into(),
        Mistake::Tenant => world.authority.set_tenant("another"),
        Mistake::NoDefault => toml.scope = toml.scope.replace("/.default", ""),
        Mistake::NoRole => {
            refuse("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            toml.origin = other.url() + "/v2";
        }
        Mistake::Audience => {
            let scope = "https://healthcareapis.azure.com/.default";
            world.authority.set_scope(scope);
            toml.scope = scope.into();
            refuse(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n\
                 Content-Length: 0\r\n\r\n",
            );
            toml.origin = other.url() + "/v2";
        }
        Mistake::NoVersion => {
            toml.origin = service.base_url().trim_end_matches("/v2").to_owned();
        }
        Mistake::Portal => {
            refuse("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>");
            toml.origin = other.url();
        }
        Mistake::Page => arguments = vec!["--origin", "https://viewer.example"],
    }
    // What the file says was right before the tenant was another.
    let file = file(&world, &toml);
    let ended = run(&file, &arguments).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let known = [
        (world.authority.client_id(), "11111111-2222-4333-8444-555555555555".to_owned()),
        (Authority::principal_of(&world.authority.client_id()), PRINCIPAL.to_owned()),
        (OTHER_APPLICATION.to_owned(), OTHER_APPLICATION.to_owned()),
    ];
    let sections = ended.stdout.split("\n\n").map(|section| {
        let (host, address) = match section.split_once('\n') {
            Some((subject, _)) if subject.starts_with("client") => {
                ("login.microsoftonline.com", "20.190.160.14")
            }
            // What is said there depends on the host, which is none of Azure's own here either.
            _ if matches!(mistake, Mistake::NoRole) => ("dicom.clinic.example", "20.62.130.42"),
            _ => ("ward-ct.dicom.azurehealthcareapis.com", "20.62.130.42"),
        };
        let lines = section.lines().map(|line| settled(line, (host, address), &known));
        lines.collect::<String>()
    });
    let (found, sum) = (sections.collect::<Vec<_>>(), ended.stdout.lines().last().unwrap());
    let telling = found.iter().filter(|it| it.contains("\n  FAIL ") || it.contains("\n  warn "));
    let telling = telling.map(|section| format!("{section}\n")).collect::<String>();
    let folder = world.scratch.path().display().to_string();
    format!("{}{sum}\n", telling.replace(&folder, "/etc/dicom-gateway"))
}

/// A line with what differs from run to run replaced by what an operator might see.
fn settled(line: &str, (host, address): (&str, &str), ids: &[(String, String)]) -> String {
    let mut line = match line.rsplit_once("  (") {
        Some((before, took)) if took.ends_with(" ms)") => before.to_owned(),
        _ => line.to_owned(),
    };
    // Ports are those of this run.
    for local in ["localhost:", "127.0.0.1:"] {
        while let Some(at) = line.find(local) {
            let port = line[at + local.len()..].chars().take_while(char::is_ascii_digit).count();
            let by = if local == "localhost:" { host.to_owned() } else { format!("{address}:443") };
            line.replace_range(at..at + local.len() + port, &by);
        }
    }
    // Some machines have another one for it besides.
    if let Some((before, _)) = line.split_once("localhost is ") {
        line = format!("{before}{host} is {address}");
    }
    line = line.replace("localhost", host).replace("127.0.0.1", address);
    line = line.replace("CN=dicom-gateway test root", "CN=Example CA");
    if let Some((before, after)) = line.clone().split_once(" days left")
        && let Some((before, _)) = before.rsplit_once(' ')
    {
        line = format!("{before} 128 days left{after}");
    }
    for (known, by) in ids {
        line = line.replace(known, by);
    }
    let mut at = 0;
    while let Some(id) = line.get(at..).and_then(|rest| rest.get(..36)) {
        if uuid::Uuid::try_parse(id).is_ok() && !ids.iter().any(|(_, by)| by == id) {
            let by = if line[..at].ends_with("correlation id ") { CORRELATION } else { TENANT };
            line.replace_range(at..at + 36, by);
        }
        at += 1;
    }
    line + "\n"
}

const HEADING: &str = "## The ten most common mistakes\n";

const OTHER_APPLICATION: &str = "5b2c8a3e-9f0d-4d3a-8a77-2f1de0c4b9f2";
const PRINCIPAL: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";
const CORRELATION: &str = "c0ffee00-0000-4000-8000-000000000000";
const TENANT: &str = "7f58e645-c1bf-4f2d-a3b0-9c1f9a1c0a01";

const MISTAKES: &[(Mistake, &str, &str)] = &[
    (
        Mistake::SecretId,
        "The secret's ID instead of its Value",
        "The portal shows both, side by side, and the Value only once.",
    ),
    (Mistake::SecretEnded, "A secret that has expired", "Nobody is told when it happens."),
    (
        Mistake::Application,
        "The object id instead of the application's, or another tenant's application",
        "The overview page of a registration has three GUIDs; `id` is the first of them.",
    ),
    (Mistake::Tenant, "A slip in the tenant", "Or the login host of another cloud."),
    (
        Mistake::NoDefault,
        "A scope without `/.default`",
        "An application that asks for itself gets all that it was given, or nothing.",
    ),
    (
        Mistake::NoRole,
        "No role on the DICOM service",
        "API permissions are for users. What an application may do, its role on the service says; \
         and the role has to be given to the application's service principal, not to you. Here the \
         service has a name of the clinic's; one of Azure's own names workspace and service, and so \
         does the command then.",
    ),
    (
        Mistake::Audience,
        "A token for another service",
        "The FHIR service next door has an audience of its own.",
    ),
    (
        Mistake::NoVersion,
        "The service's URL without its version",
        "The overview page shows the Service URL, which ends before it.",
    ),
    (
        Mistake::Portal,
        "The URL of a web page",
        "What the address bar shows is a portal's or a viewer's, not the service's.",
    ),
    (
        Mistake::Page,
        "A viewer's web page that is not listed",
        "The browser asks the gateway first, and keeps the answer from the page. `--origin` asks \
         as the browser does.",
    ),
];

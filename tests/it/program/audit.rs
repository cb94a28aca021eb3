//! `dicom-gateway audit verify`, on files that are chained here, by the words of the documentation.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use gateway_tests::Scratch;

use super::*;

#[tokio::test]
async fn files_that_are_as_they_were_written_are_good() {
    let scratch = Scratch::new();
    let lines = chain(5, sha256);
    let older = scratch.file("audit.jsonl.1", lines[..3].concat());
    let newer = scratch.file("audit.jsonl", lines[3..].concat());
    let ended = verify(&[older.as_path(), newer.as_path()], &[]).await;
    let expected = "5 record(s), 1 to 5: as they were written\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), expected));
    assert!(ended.stderr.contains("is no .chain"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_was_changed_is_named_by_its_place() {
    let scratch = Scratch::new();
    let mut lines = chain(5, sha256);
    lines[1] = lines[1].replace("anne", "bill");
    lines.remove(3);
    let file = scratch.file("audit.jsonl", lines.concat());
    let ended = verify(&[file.as_path()], &[]).await;
    assert_eq!(ended.code, Some(1));
    let file = file.display();
    let expected = format!(
        "{file}:2: record 2: it was changed, or made with another key\n\
         {file}:4: record 5: record 4 is missing before it\n\
         4 record(s), 1 to 5: 2 place(s) are not as they were written\n"
    );
    assert_eq!(ended.stdout, expected);
}

#[tokio::test]
async fn a_chain_with_a_key_wants_its_key() {
    let scratch = Scratch::new();
    let key = scratch.file("chain-key", KEY.to_owned() + "\n");
    let signing = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let lines = chain(2, |line| hex(hmac::sign(&signing, line.as_bytes()).as_ref()));
    let file = scratch.file("audit.jsonl", lines.concat());
    let with_key = ["--key".as_ref(), key.as_path()];
    let ended = verify(&[file.as_path()], &with_key).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let ended = verify(&[file.as_path()], &[]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_an_error_and_no_file_at_all_is_misuse() {
    let ended = verify(&[Path::new("/nonexistent/audit.jsonl")], &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("/nonexistent/audit.jsonl"), "{}", ended.stderr);
    assert_eq!(verify(&[], &[]).await.code, Some(64));
}

async fn verify(files: &[&Path], options: &[&Path]) -> Ended {
    let command = ["audit", "verify"].map(Path::new);
    let arguments = [&command, options, files].concat();
    Program::run(&arguments, &[]).await
}

/// So many lines of one chain.
fn chain(records: u64, hash: impl Fn(&str) -> String) -> Vec<String> {
    let mut prev = "0".repeat(64);
    let lines = (1..=records).map(|seq| {
        let first = if seq == 1 { "\"first\":true," } else { "" };
        let line = format!("{{\"seq\":{seq},\"prev\":\"{prev}\",{first}\"principal\":\"anne\"");
        prev = hash(&line);
        format!("{line},\"hash\":\"{prev}\"}}\n")
    });
    lines.collect()
}

fn sha256(line: &str) -> String {
    hex(digest(&SHA256, line.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const KEY: &str = "a key that nobody guesses";

//! One record as one message: RFC 5424, in a frame of RFC 5425.

use std::io::Write;

use crate::audit::atna::{self, Source};
use crate::audit::entry::Entry;

/// What all messages of a process have in common.
pub(super) struct Header {
    host: String,
    process: u32,
}

impl Header {
    /// That of this machine and process.
    pub(super) fn of_this_process() -> Self {
        let name = rustix::system::uname();
        let host = word(&name.nodename().to_string_lossy(), HOST_MOST);
        Self { host, process: std::process::id() }
    }
}

/// Writes `entry` to the end of `frames`: its length, a space, and the message, which is a BOM and XML.
/// Facility 10, severity 5, and the name that ITI-20 wants for what it holds.
pub(super) fn write(entry: &Entry, source: &Source, header: &Header, frames: &mut Vec<u8>) {
    let time = word(&entry.time, TIME_MOST);
    let Header { host, process } = header;
    let mut message =
        format!("<85>1 {time} {host} {APPLICATION} {process} IHE+RFC-3881 - \u{feff}");
    atna::write(entry, source, &mut message);
    // Nothing can go wrong in memory.
    let _ = write!(frames, "{} {message}", message.len());
}

/// A field of a header: visible ASCII, and `-` for what is none of that.
fn word(text: &str, most: usize) -> String {
    let visible = text.chars().filter(char::is_ascii_graphic).take(most);
    let word = visible.collect::<String>();
    if word.is_empty() { "-".to_owned() } else { word }
}

const APPLICATION: &str = "dicom-gateway";
const HOST_MOST: usize = 255;
const TIME_MOST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_as_long_as_it_says_and_its_header_is_in_order() {
        let entry = Entry { time: "2026-11-23T14:00:00.123Z".into(), ..Entry::default() };
        let source = Source { id: "gäteway".into(), site: None };
        let header = Header { host: "node-7".into(), process: 4711 };
        let mut frames = b"before".to_vec();
        write(&entry, &source, &header, &mut frames);
        let frame = std::str::from_utf8(&frames).unwrap().strip_prefix("before").unwrap();
        let (length, message) = frame.split_once(' ').unwrap();
        assert_eq!(length.parse(), Ok(message.len()));
        let start =
            "<85>1 2026-11-23T14:00:00.123Z node-7 dicom-gateway 4711 IHE+RFC-3881 - \u{feff}<?xml";
        assert!(message.starts_with(start), "{message}");
    }

    #[test]
    fn a_field_of_a_header_is_one_word() {
        for (text, field) in [("a b\tc", "abc"), ("", "-"), ("  ", "-"), ("\u{e9}\n", "-")] {
            assert_eq!(word(text, 8), field);
        }
        assert_eq!(word(&"x".repeat(300), HOST_MOST).len(), 255);
        assert_ne!(Header::of_this_process().host, "");
    }
}

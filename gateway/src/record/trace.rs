//! W3C Trace Context, level 1: the caller's trace, or one of our own.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::local::Local;

/// The 32 hexadecimal digits of a trace id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Trace {
    id: [u8; 32],
    is_ours: bool,
}

impl Trace {
    /// The caller's, if it sent a sound `traceparent`, which then goes on as it is.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(&FIELD).iter();
        match (lines.next().and_then(|value| trace_id(value.as_bytes())), lines.next()) {
            (Some(id), None) => Self { id, is_ours: false },
            _ => Self { id: hex(fastrand::u128(1..)), is_ours: true },
        }
    }

    /// Its id's digits.
    pub(crate) fn digits(&self) -> &[u8] {
        &self.id
    }

    /// The `traceparent` to send, where the caller sent none that is sound.
    pub(crate) fn parent(&self, local: &Local) -> Option<HeaderValue> {
        if !self.is_ours {
            return None;
        }
        let parent = hex_id(fastrand::u64(1..));
        let value = local.bytes(|block| {
            for part in [b"00-", &self.id[..], b"-", &parent[..], b"-00"] {
                block.extend_from_slice(part);
            }
        });
        HeaderValue::from_maybe_shared(value).ok()
    }
}

/// The header.
pub(crate) const FIELD: HeaderName = HeaderName::from_static("traceparent");

/// `version "-" trace-id "-" parent-id "-" flags`; an id of zeros is none.
fn trace_id(value: &[u8]) -> Option<[u8; 32]> {
    let is_hex = |bytes: &[u8]| {
        bytes.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
    };
    let is_some = |bytes: &[u8]| bytes.iter().any(|byte| *byte != b'0');
    let sound = value.len() >= 55
        && (value.len() == 55 || (value.get(55) == Some(&b'-') && &value[..2] != b"00"))
        && [value[2], value[35], value[52]] == *b"---"
        && is_hex(&value[..2])
        && &value[..2] != b"ff"
        && is_hex(&value[3..35])
        && is_some(&value[3..35])
        && is_hex(&value[36..52])
        && is_some(&value[36..52])
        && is_hex(&value[53..55]);
    sound.then(|| value[3..35].try_into().ok()).flatten()
}

/// A number's hexadecimal digits, lower case.
pub(crate) fn hex(number: u128) -> [u8; 32] {
    let mut digits = [0; 32];
    write_hex(&number.to_be_bytes(), &mut digits);
    digits
}

/// The same of an id.
pub(crate) fn hex_id(id: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    write_hex(&id.to_be_bytes(), &mut digits);
    digits
}

fn write_hex(bytes: &[u8], digits: &mut [u8]) {
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&PAIRS[usize::from(*byte)]);
    }
}

/// Two digits for each byte.
const PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 0xf]];
        byte += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_sound_parent_goes_on_and_gives_the_id() {
        let trace = Trace::of(&headers(&[SOUND]));
        assert_eq!(trace.digits(), b"4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace.parent(&local()), None);
    }

    #[test]
    fn an_unsound_one_is_replaced() {
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let long = format!("{SOUND}-more");
        let upper = SOUND.to_uppercase();
        for lines in [&[][..], &["x"], &[zero], &[&long], &[&upper], &[SOUND, SOUND]] {
            let trace = Trace::of(&headers(lines));
            let parent = trace.parent(&local()).expect("one of our own");
            assert_eq!(
                trace_id(parent.as_bytes()).as_ref().map(|id| &id[..]),
                Some(trace.digits())
            );
        }
    }

    fn local() -> Local {
        let (log, _writer) = crate::log::Log::start(std::io::sink()).expect("a thread");
        Local::new(log, None, &"gateway".into())
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        let line = |line: &&str| (FIELD, HeaderValue::from_str(line).expect("legal"));
        lines.iter().map(line).collect()
    }
}

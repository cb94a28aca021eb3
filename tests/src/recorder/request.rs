//! What a request must be like to reach an origin server.

use super::RawRequest;
use crate::raw_message::{self, Chunked, Fields, values};

/// A request whose head has arrived.
pub(super) struct Incoming {
    request: RawRequest,
    framing: Framing,
}

enum Framing {
    Length(usize),
    Chunked(Chunked),
}

/// Takes the head of a request from the front of `buffer`, once it is there.
pub(super) fn head(buffer: &[u8]) -> Result<Option<Incoming>, String> {
    let Some(end) = raw_message::head_end(buffer) else {
        return bare_line_feed(buffer).map(|()| None);
    };
    let head = &buffer[..end];
    let (line, headers) = raw_message::head(head)?;
    let (method, target) = request_line(line)?;
    one_host(&headers)?;
    let framing = framing(&headers)?;
    let request = RawRequest {
        head: head.to_vec(),
        method,
        target,
        headers,
        body: Vec::new(),
        trailers: Vec::new(),
    };
    Ok(Some(Incoming { request, framing }))
}

impl Incoming {
    /// Takes the whole request from the front of `buffer`, once its body is there: the request, and
    /// how many bytes it was.
    pub(super) fn body(&mut self, buffer: &[u8]) -> Result<Option<(RawRequest, usize)>, String> {
        let body = &buffer[self.request.head.len()..];
        let used = match &mut self.framing {
            Framing::Length(length) => {
                let Some(whole) = body.get(..*length) else { return Ok(None) };
                self.request.body = whole.to_vec();
                *length
            }
            Framing::Chunked(chunked) => {
                chunked.advance(body)?;
                if !chunked.finished {
                    return Ok(None);
                }
                self.request.body = std::mem::take(&mut chunked.body);
                self.request.trailers = std::mem::take(&mut chunked.trailers);
                chunked.decoded
            }
        };
        Ok(Some((self.request.clone(), self.request.head.len() + used)))
    }
}

fn request_line(line: &[u8]) -> Result<(String, String), String> {
    let line = std::str::from_utf8(line).map_err(|_| "the request line is not ASCII")?;
    let wrong = |what: &str| Err(format!("{what} in {line:?}"));
    let [method, target, version] = line.split(' ').collect::<Vec<_>>()[..] else {
        return wrong("not three words");
    };
    if !raw_message::is_token(method.as_bytes()) {
        return wrong("the method is not a token");
    }
    if !(target.starts_with('/') || (target == "*" && method == "OPTIONS")) {
        return wrong("the target is not in origin form");
    }
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return wrong("the target has characters of no URI");
    }
    if version != "HTTP/1.1" {
        return wrong("the version is not HTTP/1.1");
    }
    Ok((method.to_owned(), target.to_owned()))
}

fn one_host(headers: &Fields) -> Result<(), String> {
    let [host] = values(headers, "host")[..] else {
        return Err(format!("{} Host lines", values(headers, "host").len()));
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    let name_marks = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~[:]".contains(&byte);
    let good = !name.is_empty()
        && name.bytes().all(name_marks)
        && port.bytes().all(|byte| byte.is_ascii_digit());
    if good { Ok(()) } else { Err(format!("Host is {host:?}")) }
}

fn framing(headers: &Fields) -> Result<Framing, String> {
    let lengths = values(headers, "content-length");
    let encodings = values(headers, "transfer-encoding");
    match (&lengths[..], &encodings[..]) {
        ([], []) => Ok(Framing::Length(0)),
        ([length], []) => {
            let length = usize::try_from(raw_message::content_length(length)?);
            Ok(Framing::Length(length.map_err(|_| "a body longer than the memory")?))
        }
        ([], ["chunked"]) => Ok(Framing::Chunked(Chunked::default())),
        _ => Err(format!("framed by Content-Length {lengths:?}, Transfer-Encoding {encodings:?}")),
    }
}

/// A lone LF would end a line for a lenient server, so it must not wait for the head to end.
fn bare_line_feed(buffer: &[u8]) -> Result<(), String> {
    let at = buffer.iter().position(|byte| *byte == b'\n');
    match at {
        Some(at) if at == 0 || buffer[at - 1] != b'\r' => Err("a line feed of its own".to_owned()),
        _ => Ok(()),
    }
}

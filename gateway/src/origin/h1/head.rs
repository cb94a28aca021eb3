//! Heads: the request's as it is written, the answer's as it is read.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};
use http_body::Body;

use super::chunked::Chunked;
use super::framing::Framing;
use super::upload::Coding;

/// Writes the head of `request` to the end of `head`, and tells how its body is to follow.
pub(super) fn write<B: Body>(request: &Request<B>, head: &mut Vec<u8>) -> Coding {
    let coding = coding(request);
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    for part in [request.method().as_str(), " ", target, " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    for (name, value) in request.headers() {
        // What the caller said of its body's framing ended with its head (`rewrite::fields`).
        debug_assert!(name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING);
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    match coding {
        Coding::Nothing => {}
        Coding::Length(length) => {
            head.extend_from_slice(b"content-length: ");
            head.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        Coding::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    head.extend_from_slice(b"\r\n");
    coding
}

fn coding<B: Body>(request: &Request<B>) -> Coding {
    let body = request.body();
    match body.size_hint().exact() {
        // Methods that expect a body say so also where there is none (RFC 9110, section 8.6).
        Some(0) if !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) => {
            Coding::Nothing
        }
        Some(length) => Coding::Length(length),
        None => Coding::Chunked,
    }
}

/// Takes the head of an answer out of `input`, if all of it is there, and puts its fields into `room`,
/// which has none. An error says what is wrong.
pub(super) fn parse(
    input: &mut BytesMut,
    room: &mut HeaderMap,
) -> Result<Option<Response<()>>, &'static str> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MOST];
    let mut found = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let length = match parser.parse_response_with_uninit_headers(&mut found, input, &mut fields) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if input.len() < HEAD_MOST => return Ok(None),
        Ok(httparse::Status::Partial) => return Err("a head without end"),
        Err(httparse::Error::TooManyHeaders) => return Err("too many fields"),
        Err(_) => return Err(MALFORMED),
    };
    let mut response = Response::new(());
    *response.status_mut() =
        found.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(MALFORMED)?;
    *response.version_mut() = match found.version {
        Some(0) => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    // A copy: fields that live for as long as the answer must not keep all of the buffer for it.
    let head = Bytes::copy_from_slice(&input[..length]);
    let base = input.as_ptr() as usize;
    let mut headers = std::mem::take(room);
    headers.reserve(found.headers.len() + FIELDS_OF_OURS);
    for field in &*found.headers {
        let name = name(field.name.as_bytes())?;
        let at = field.value.as_ptr() as usize - base;
        // An empty value need not lie within the head.
        let value = match field.value.len() {
            0 => Bytes::new(),
            length => head.slice(at..at + length),
        };
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| MALFORMED)?;
        headers.append(name, value);
    }
    *response.headers_mut() = headers;
    input.advance(length);
    Ok(Some(response))
}

/// The usual names, as most servers write them, need neither be lowered nor sought among all that there
/// are.
fn name(written: &[u8]) -> Result<HeaderName, &'static str> {
    Ok(match written {
        b"Cache-Control" | b"cache-control" => header::CACHE_CONTROL,
        b"Connection" | b"connection" => header::CONNECTION,
        b"Content-Length" | b"content-length" => header::CONTENT_LENGTH,
        b"Content-Type" | b"content-type" => header::CONTENT_TYPE,
        b"Date" | b"date" => header::DATE,
        b"ETag" | b"etag" => header::ETAG,
        b"Server" | b"server" => header::SERVER,
        b"Transfer-Encoding" | b"transfer-encoding" => header::TRANSFER_ENCODING,
        b"Vary" | b"vary" => header::VARY,
        other => return HeaderName::from_bytes(other).map_err(|_| MALFORMED),
    })
}

/// Where the body ends that follows this head (RFC 9112, section 6.3). What could be read in two ways
/// is no answer.
pub(super) fn framing(
    response: &mut Response<()>,
    method: &Method,
) -> Result<Framing, &'static str> {
    let length = crate::origin::plain_length(response.headers_mut())?;
    let is_chunked = response.headers().contains_key(header::TRANSFER_ENCODING);
    if is_chunked
        && (response.version() == Version::HTTP_10
            || !crate::origin::sound_coding(response.headers()))
    {
        return Err(crate::origin::UNSOUND_CODING);
    }
    let has_no_body = method == Method::HEAD
        || matches!(
            response.status(),
            StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    Ok(match length {
        _ if has_no_body => Framing::Length(0),
        _ if is_chunked => Framing::Chunked(Chunked::default()),
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    })
}

/// Whether another exchange may follow on the connection (RFC 9112, section 9.3). That of HTTP/1.0
/// never is used again: what "keep-alive" means there depends on who is on the way.
pub(super) fn persists(response: &Response<()>, framing: &Framing) -> bool {
    let closes = |options: &HeaderValue| {
        let mut options = options.as_bytes().split(|byte| *byte == b',');
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
    };
    response.version() == Version::HTTP_11
        && response.status() != StatusCode::SWITCHING_PROTOCOLS
        && !matches!(framing, Framing::UntilClose)
        && !response.headers().get_all(header::CONNECTION).iter().any(closes)
}

const MALFORMED: &str = "a malformed head";

/// Origin servers send ten or twenty.
const FIELDS_MOST: usize = 128;

/// Room for those that the gateway adds.
const FIELDS_OF_OURS: usize = 4;

/// Origin servers send less than one KiB, and cookies' and policies' worst is some ten.
const HEAD_MOST: usize = 64 << 10;

//! WADO-RS: objects, frames, metadata and pictures, straight from what the store holds.

use bytes::Bytes;
use dicom_dictionary_std::uids;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::Asked;
use super::accept::{self, Framing, Picture, Representation, Syntax};
use super::answer::{self, Answer, Length, Refusal};
use super::instance::Instance;
use super::json::Attributes;
use super::render;
use super::route::Scope;
use super::store::Stored;

/// The objects of `scope`.
pub(super) fn objects(asked: &Asked<'_>, scope: &Scope) -> Result<Response<Answer>, Refusal> {
    let framings: &[Framing] = match scope.instance {
        Some(_) => &[Framing::Single, Framing::Multipart],
        None => &[Framing::Multipart],
    };
    let Representation { framing, syntax } = accept::retrieve(asked.headers(), DICOM, framings)?;
    let parts = version(asked, scope)?
        .iter()
        .map(|it| object(&it.instance, syntax))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(framed(DICOM, framing, parts))
}

/// The frames numbered `wanted` of an instance.
pub(super) fn frames(
    asked: &Asked<'_>,
    scope: &Scope,
    wanted: &[usize],
) -> Result<Response<Answer>, Refusal> {
    let framings: &[Framing] = match wanted {
        [_] => &[Framing::Single, Framing::Multipart],
        _ => &[Framing::Multipart],
    };
    let Representation { framing, syntax } = accept::retrieve(asked.headers(), OCTETS, framings)?;
    let stored = existing(asked, scope)?;
    let instance = &stored[0].instance;
    let as_stored = instance.transfer_syntax.as_str();
    let transfer_syntax = match syntax {
        Syntax::Original if as_stored != BIG_ENDIAN => as_stored,
        Syntax::Jpeg2000Lossless if as_stored == uids::JPEG2000_LOSSLESS => as_stored,
        Syntax::Original | Syntax::ExplicitLittleEndian if !instance.is_encapsulated() => {
            uids::EXPLICIT_VR_LITTLE_ENDIAN
        }
        _ => return Err(Refusal::not_acceptable()),
    };
    let parts = wanted
        .iter()
        .map(|&frame| {
            let frame = instance.frames().get(frame - 1).ok_or_else(no_such_frame)?;
            Ok((transfer_syntax.to_owned(), frame.clone()))
        })
        .collect::<Result<_, Refusal>>()?;
    let kind = if syntax == Syntax::Jpeg2000Lossless { JPEG_2000 } else { OCTETS };
    Ok(framed(kind, framing, parts))
}

/// The attributes of the objects of `scope`, and their entity tag as this service writes it:
/// without quotes. 304, without the tag, if the caller has them.
pub(super) fn metadata(asked: &Asked<'_>, scope: &Scope) -> Result<Response<Answer>, Refusal> {
    accept::json(asked.headers())?;
    let stored = version(asked, scope)?;
    let newest = stored.iter().map(|it| it.watermark).max().unwrap_or_default();
    let tag = match scope.instance {
        Some(_) => newest.to_string(),
        None => format!("{newest}-{}", stored.len()),
    };
    // What the caller has is one string to this service, however many lines and tags it is.
    let lines = asked.headers().get_all(IF_NONE_MATCH).iter().map(HeaderValue::as_bytes);
    let known = lines.collect::<Vec<_>>().join(&b","[..]);
    if known.eq_ignore_ascii_case(tag.as_bytes()) {
        return Ok(answer::bare(StatusCode::NOT_MODIFIED));
    }
    let attributes: Vec<&Attributes> = stored.iter().map(|it| &it.instance.attributes).collect();
    Ok(answer::with_field(answer::dicom_json(StatusCode::OK, &attributes), ETAG, &tag))
}

/// A frame as a picture.
pub(super) fn rendered(
    asked: &Asked<'_>,
    scope: &Scope,
    frame: usize,
) -> Result<Response<Answer>, Refusal> {
    let picture = accept::rendered(asked.headers())?;
    let quality = match asked.parameter("quality") {
        None => 100,
        Some(value) => value
            .parse()
            .ok()
            .filter(|quality| (1..=100).contains(quality))
            .ok_or_else(|| Refusal::bad_request("The quality must lie between 1 and 100."))?,
    };
    let stored = existing(asked, scope)?;
    let instance = &stored[0].instance;
    if instance.is_encapsulated() {
        return Err(Refusal::not_acceptable());
    }
    let pixels = instance.frames().get(frame - 1).ok_or_else(no_such_frame)?;
    let raster =
        render::raster(&instance.attributes, pixels).ok_or_else(Refusal::not_acceptable)?;
    let (kind, content) = match picture {
        Picture::Png => ("image/png", raster.png()),
        Picture::Jpeg => ("image/jpeg", raster.jpeg(quality)),
    };
    Ok(answer::body(StatusCode::OK, kind, content.ok_or_else(Refusal::not_acceptable)?))
}

fn existing(asked: &Asked<'_>, scope: &Scope) -> Result<Vec<Stored>, Refusal> {
    let stored = asked.within(scope);
    if stored.is_empty() { Err(Refusal::not_found()) } else { Ok(stored) }
}

/// What exists, or what it was before it was updated, as a header field wants it.
fn version(asked: &Asked<'_>, scope: &Scope) -> Result<Vec<Stored>, Refusal> {
    let stored = existing(asked, scope)?;
    let wanted = asked.headers().get(&REQUEST_ORIGINAL).map(HeaderValue::as_bytes);
    Ok(match wanted {
        Some(value) if value.eq_ignore_ascii_case(b"true") => {
            stored.into_iter().map(Stored::into_original).collect()
        }
        _ => stored,
    })
}

fn object(instance: &Instance, syntax: Syntax) -> Result<(String, Bytes), Refusal> {
    let as_stored = || (instance.transfer_syntax.clone(), instance.bytes.clone());
    match syntax {
        Syntax::Original => Some(as_stored()),
        Syntax::ExplicitLittleEndian => instance
            .explicit_little_endian()
            .map(|bytes| (uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned(), bytes)),
        Syntax::Jpeg2000Lossless => {
            (instance.transfer_syntax == uids::JPEG2000_LOSSLESS).then(as_stored)
        }
    }
    .ok_or_else(Refusal::not_acceptable)
}

/// Parts, each with its transfer syntax, under a boundary or, if there is but one, without.
fn framed(kind: &str, framing: Framing, parts: Vec<(String, Bytes)>) -> Response<Answer> {
    let (content_type, pieces) = match (framing, parts) {
        (Framing::Single, mut parts) if parts.len() == 1 => {
            let (syntax, content) = parts.remove(0);
            (format!("{kind}; transfer-syntax={syntax}"), vec![content])
        }
        (_, parts) => {
            let boundary = uuid::Uuid::new_v4().to_string();
            let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
            let mut line_end = "";
            for (syntax, content) in parts {
                pieces.push(Bytes::from(format!(
                    "{line_end}--{boundary}\r\nContent-Type: {kind}; transfer-syntax={syntax}\r\n\r\n"
                )));
                pieces.push(content);
                line_end = "\r\n";
            }
            pieces.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
            (format!("multipart/related; boundary={boundary}"), pieces)
        }
    };
    let response = Response::new(Answer::new(pieces, Length::Untold));
    answer::with_field(response, CONTENT_TYPE, &content_type)
}

fn no_such_frame() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "There is no such frame.")
}

/// Retired, but there are such objects; frames are told as little endian.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
const REQUEST_ORIGINAL: HeaderName = HeaderName::from_static("msdicom-request-original");
const DICOM: &str = "application/dicom";
const JPEG_2000: &str = "image/jp2";
const OCTETS: &str = "application/octet-stream";

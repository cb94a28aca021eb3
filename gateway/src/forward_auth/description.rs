//! The request that a proxy describes.
//!
//! Which fields describe it is configured, and the others say nothing: a caller can send them too, and
//! the proxy passes them on. Neither host nor address are taken from any field. The asking request's own
//! host counts, as for the gateway itself.

use bytes::Bytes;
use config::DescribedBy;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Empty;

use crate::error::{Error, Refusal};

/// The request that this one describes, without a body: what is to be said of it is said by its head.
pub(super) fn described<B>(
    request: Request<B>,
    by: DescribedBy,
) -> Result<Request<Empty<Bytes>>, Error> {
    let (mut head, _) = request.into_parts();
    if let Some((method, target)) = fields(by) {
        head.method = only(&head.headers, method)
            .and_then(|value| Method::from_bytes(value.as_bytes()).ok())
            .ok_or(UNSOUND)?;
        let target = only(&head.headers, target).and_then(target_of).ok_or(UNSOUND)?;
        let mut parts = std::mem::take(&mut head.uri).into_parts();
        parts.path_and_query = Some(target);
        head.uri = Uri::from_parts(parts).map_err(|_| UNSOUND)?;
    }
    for name in OF_THE_ASKING_REQUEST {
        head.headers.remove(name);
    }
    Ok(Request::from_parts(head, Empty::new()))
}

/// The names of the fields with method and target; `None` where the request describes itself.
fn fields(by: DescribedBy) -> Option<(HeaderName, HeaderName)> {
    let names =
        |method, target| Some((HeaderName::from_static(method), HeaderName::from_static(target)));
    match by {
        DescribedBy::XOriginal => names("x-original-method", "x-original-uri"),
        DescribedBy::XForwarded => names("x-forwarded-method", "x-forwarded-uri"),
        DescribedBy::Request => None,
    }
}

/// A path and a query, whole: the parser would drop a fragment, and the proxy might not.
fn target_of(value: &HeaderValue) -> Option<PathAndQuery> {
    let bytes = value.as_bytes();
    let sound = bytes.starts_with(b"/") && !bytes.contains(&b'#');
    let target = sound.then(|| PathAndQuery::try_from(bytes).ok()).flatten()?;
    (target.as_str().as_bytes() == bytes).then_some(target)
}

/// The value of the only line of this name.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none())
}

const UNSOUND: Error = Error::Refused(Refusal::Description);

/// They frame the asking request, or are between the proxy and us.
const OF_THE_ASKING_REQUEST: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_sound_description_describes() {
        let good = [("x-original-method", "PUT"), ("x-original-uri", "/a/b?c=%41&d")];
        let request = read(&good, DescribedBy::XOriginal).unwrap();
        assert_eq!(request, ("PUT".into(), "/a/b?c=%41&d".into()));
        let (method, target) = (good[0], good[1]);
        for lines in [
            &[][..],
            &[method],
            &[target],
            &[method, target, target],
            &[method, method, target],
            &[("x-forwarded-method", "PUT"), ("x-forwarded-uri", "/a")],
            &[method, ("x-forwarded-uri", "/a")],
            &[method, ("x-original-uri", "")],
            &[method, ("x-original-uri", "a")],
            &[method, ("x-original-uri", "*")],
            &[method, ("x-original-uri", "/a#b")],
            &[method, ("x-original-uri", "/a?b#/../c")],
            &[method, ("x-original-uri", "/a b")],
            &[method, ("x-original-uri", "/a, /b")],
            &[method, ("x-original-uri", "http://origin.example/a")],
            &[method, ("x-original-url", "/a")],
            &[("x-original-method", ""), target],
            &[("x-original-method", "GET, PUT"), target],
            &[("x-original-method", "GET PUT"), target],
        ] {
            assert!(read(lines, DescribedBy::XOriginal).is_err(), "{lines:?}");
        }
    }

    #[test]
    fn each_way_of_describing_ignores_the_others() {
        let all = [
            ("x-original-method", "PUT"),
            ("x-original-uri", "/original"),
            ("x-forwarded-method", "DELETE"),
            ("x-forwarded-uri", "/forwarded"),
        ];
        for (by, method, path) in [
            (DescribedBy::XOriginal, "PUT", "/original"),
            (DescribedBy::XForwarded, "DELETE", "/forwarded"),
            (DescribedBy::Request, "GET", "/asking"),
        ] {
            assert_eq!(read(&all, by).unwrap(), (method.into(), path.into()));
        }
    }

    fn read(lines: &[(&str, &str)], by: DescribedBy) -> Result<(String, String), Error> {
        let mut request = Request::get("/asking");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let request = described(request.body(()).unwrap(), by)?;
        Ok((request.method().to_string(), request.uri().to_string()))
    }
}

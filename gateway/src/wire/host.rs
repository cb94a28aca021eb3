//! Which host a request is for (RFC 9112, section 3.2; RFC 9113, section 8.3.1).

use http::{Request, Version, header};

use crate::error::Refusal;

/// The one host that the request names, without its port or brackets; `None` for an HTTP/1.0 request
/// without one. Where target and `Host` both name one they must agree.
pub(super) fn of<B>(request: &Request<B>) -> Result<Option<&str>, Refusal> {
    let mut lines = request.headers().get_all(header::HOST).iter();
    let line = lines.next();
    if lines.next().is_some() {
        return Err(Refusal::Host);
    }
    let line = match line {
        Some(line) => Some(line.to_str().map_err(|_| Refusal::Host)?),
        None => None,
    };
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let both = match (authority, line) {
        (Some(authority), Some(line)) if !authority.eq_ignore_ascii_case(line) => {
            return Err(Refusal::Host);
        }
        (Some(authority), _) => authority,
        (None, Some(line)) => line,
        (None, None) if request.version() == Version::HTTP_10 => return Ok(None),
        (None, None) => return Err(Refusal::Host),
    };
    name(both).map(Some).ok_or(Refusal::Host)
}

/// The name or address in `host[:port]`; `None` if it is neither.
fn name(authority: &str) -> Option<&str> {
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("0"))?)
        }
        None => authority.split_once(':').unwrap_or((authority, "0")),
    };
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let sound = !name.is_empty()
        && (name.contains(':') || name.bytes().all(is_name_byte))
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok();
    sound.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_with_or_without_a_port() {
        for (authority, expected) in [
            ("gw", Some("gw")),
            ("gw.example:8080", Some("gw.example")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("[::1]:8080", Some("::1")),
            ("[::1]", Some("::1")),
            ("", None),
            ("gw:", None),
            ("gw:99999", None),
            ("gw:80:80", None),
            ("user@gw", None),
            ("gw/path", None),
            ("a,b", None),
            ("a b", None),
            ("[::1", None),
            ("[::1]80", None),
            ("[gw]", None),
            ("gw?", None),
            ("gw#", None),
            ("%67w", None),
        ] {
            assert_eq!(name(authority), expected, "{authority:?}");
        }
    }
}

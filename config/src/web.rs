//! URLs as they are written in the file: absolute, of http or https, and bare.

use std::net::IpAddr;
use std::path::PathBuf;

use url::{Host, Url};

use crate::model::Origin;

/// An absolute URL with nothing but scheme, host, port and path. What is wrong is said without the
/// URL, which may hold a password.
pub(crate) fn url(text: &str) -> Result<Url, String> {
    let example = "write it like https://host.example/path";
    // The parser would drop or replace these without a word.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(format!("holds a space, control character or backslash; {example}"));
    }
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}; {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || !starts_with_authority(text) {
        return Err(format!("is not an http or https URL; {example}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password; leave it out".to_owned());
    }
    if url.query().is_some() {
        return Err("has a query; leave out the ? and all after it".to_owned());
    }
    if url.fragment().is_some() {
        return Err("has a fragment; leave out the # and all after it".to_owned());
    }
    Ok(url)
}

/// The origin of a web page, as browsers write it (RFC 6454, section 6.2).
pub(crate) fn page_origin(text: &str) -> Result<String, String> {
    const RIGHT: &str = "write scheme, host and port as in https://viewer.example:3000";
    if text == "*" {
        return Err(format!(
            "\"*\" would let every web page that a caller visits read images; {RIGHT}"
        ));
    }
    if text == "null" {
        return Err(format!("\"null\" is the origin of any page in a sandbox; {RIGHT}"));
    }
    let url = url(text).map_err(|message| format!("{text:?} {message}"))?;
    if text.contains('*') {
        return Err(format!("{text:?} has a wildcard; list each origin by itself"));
    }
    if url.path() != "/" {
        return Err(format!("{text:?} has a path; {RIGHT}"));
    }
    Ok(url.origin().ascii_serialization())
}

/// The name of a header field (RFC 9110, section 5.1), in lower case. `*` would be one, if it did not
/// mean all of them to browsers; one with an underscore no caller can send.
pub(crate) fn field_name(text: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^`|~".contains(&byte);
    if text == "*" {
        return Err("\"*\" is no header; list each by its name".to_owned());
    }
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err(format!("{text:?} is no name of a header; write it like \"x-site\""));
    }
    Ok(text.to_ascii_lowercase())
}

/// Whether nobody between us and its host can listen: https, or a host that is this machine.
pub fn is_private(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || loopback
}

/// What to say of a URL that is not private, with what would be lost: `the token`.
pub(crate) fn exposed(what: &str) -> String {
    format!(
        "http:// shows {what} to everyone on the way, and is accepted on loopback only; use \
         https://, or say danger_plain_http = true"
    )
}

/// Drops the slashes at the end of the path; that of a URL without path stays, since `Url` cannot
/// do without.
pub(crate) fn without_slash(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url
}

/// A URL's host in lower case and without brackets.
pub(crate) fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
}

/// Takes an origin server's base URL apart.
pub(crate) fn origin(url: &Url, anchors: Option<PathBuf>) -> Origin {
    let name = url.host_str().unwrap_or_default();
    Origin {
        tls: url.scheme() == "https",
        host: host(url),
        port: url.port_or_known_default().unwrap_or_default(),
        authority: url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}")),
        base: url.path().trim_end_matches('/').to_owned(),
        anchors,
    }
}

/// A host as callers may address it: a name or an address without port, in lower case and without
/// brackets.
pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    match Host::parse(text) {
        Ok(Host::Domain(name)) if !name.contains('*') => Ok(name),
        _ => Err(format!(
            "{text:?} is not a host; write a name or an address, without scheme and port"
        )),
    }
}

/// `https:host` and `https:/host` are URLs to a browser, and slips to us.
fn starts_with_authority(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_absolute_and_bare() {
        for good in [
            "https://host.example",
            "https://host.example:8443/a/b",
            "http://[::1]:8042/dicom-web",
            "HTTPS://Host.Example/A",
        ] {
            assert!(url(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("host.example/path", "not a URL"),
            ("/path", "not a URL"),
            ("https://", "not a URL"),
            ("https:host.example", "not an http or https URL"),
            ("https:///host.example", "not an http or https URL"),
            ("ftp://host.example", "not an http or https URL"),
            ("https://user@host.example", "user name"),
            ("https://:s3cr3t@host.example", "password"),
            ("https://host.example/?", "query"),
            ("https://host.example/?a=b", "query"),
            ("https://host.example/#", "fragment"),
            ("https://host.example/a b", "space"),
            (" https://host.example", "space"),
            ("https://host.example\\a", "backslash"),
            ("https://host.example:99999/", "not a URL"),
        ] {
            let message = url(bad).unwrap_err();
            assert!(message.contains(why), "{bad}: {message}");
            assert!(!message.contains("s3cr3t"), "{bad}: {message} tells the password");
        }
    }

    #[test]
    fn a_page_s_origin_is_written_as_browsers_write_it() {
        for (written, read) in [
            ("https://viewer.example", "https://viewer.example"),
            ("https://Viewer.Example:443/", "https://viewer.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(page_origin(written).unwrap(), read);
        }
        for (bad, why) in [
            ("*", "every web page"),
            ("null", "sandbox"),
            ("viewer.example", "not a URL"),
            ("https://viewer.example/app", "has a path"),
            ("https://*.example", "wildcard"),
        ] {
            let message = page_origin(bad).unwrap_err();
            assert!(message.contains(why), "{bad}: {message}");
        }
    }

    #[test]
    fn a_field_s_name_is_a_token_in_lower_case() {
        assert_eq!(field_name("X-Site").unwrap(), "x-site");
        for bad in ["", "*", "x site", "x-site:", "x_site", "x,y", "x-\u{e9}", "x*"] {
            assert!(field_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_https_and_loopback_are_private() {
        let private = |text| is_private(&url(text).unwrap());
        for yes in ["https://a.example", "http://localhost:1", "http://127.8.9.1", "http://[::1]"] {
            assert!(private(yes), "{yes}");
        }
        for no in [
            "http://a.example",
            "http://localhost.a.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::]",
            "http://[fe80::1]",
        ] {
            assert!(!private(no), "{no}");
        }
    }

    #[test]
    fn an_origin_server_is_taken_apart() {
        let of = |text| origin(&url(text).unwrap(), None);
        assert_eq!(
            of("https://Svc.Example/v2/"),
            Origin {
                tls: true,
                host: "svc.example".into(),
                port: 443,
                authority: "svc.example".into(),
                base: "/v2".into(),
                anchors: None,
            }
        );
        assert_eq!(
            of("http://[::1]:8042"),
            Origin {
                tls: false,
                host: "::1".into(),
                port: 8042,
                authority: "[::1]:8042".into(),
                base: String::new(),
                anchors: None,
            }
        );
    }

    #[test]
    fn a_host_has_neither_scheme_nor_port() {
        for (written, read) in [
            ("Imaging.Example", "imaging.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1"),
            ("::1", "::1"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(host_name(written).unwrap(), read);
        }
        for bad in ["", "a.example:80", "https://a.example", "a/b", "*.example", "a b", "[a]"] {
            assert!(host_name(bad).is_err(), "{bad}");
        }
    }
}

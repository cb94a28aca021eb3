//! Listening addresses.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::model::Address;

/// An IP address with port, or `unix:` and a path, which is relative to `folder`.
pub(crate) fn address(text: &str, folder: &Path) -> Result<Address, String> {
    let Some(path) = text.strip_prefix("unix:") else {
        return text.parse().map(Address::Tcp).map_err(|_| {
            "is not a listening address; write an IP address with port, 127.0.0.1:8080 or \
             [::1]:8080, or a socket, unix:/run/dicom-gateway.sock"
                .to_owned()
        });
    };
    let path = folder.join(path);
    match path.as_os_str().len() {
        _ if text == "unix:" => {
            Err("names no socket; write unix:/run/dicom-gateway.sock".to_owned())
        }
        length if length > LONGEST_SOCKET_PATH => Err(format!(
            "is a path of {length} bytes; a socket's path has at most {LONGEST_SOCKET_PATH}"
        )),
        _ => Ok(Address::Unix(path)),
    }
}

/// Whether two listeners cannot have these addresses at the same time.
pub(crate) fn clash(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Unix(one), Address::Unix(other)) => one == other,
        (Address::Tcp(one), Address::Tcp(other)) => tcp_clash(one, other),
        _ => false,
    }
}

fn tcp_clash(one: &SocketAddr, other: &SocketAddr) -> bool {
    let any = |address: IpAddr| address.is_unspecified();
    // Port 0 is a different port each time.
    one.port() == other.port()
        && one.port() != 0
        && (one.ip() == other.ip() || any(one.ip()) || any(other.ip()))
}

/// `sun_path` has 108 bytes on Linux, the last of them zero.
const LONGEST_SOCKET_PATH: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Address, String> {
        address(text, Path::new("/etc/gateway"))
    }

    #[test]
    fn an_address_is_numeric_or_a_socket() {
        assert_eq!(read("127.0.0.1:8080"), Ok(Address::Tcp(([127, 0, 0, 1], 8080).into())));
        assert_eq!(read("unix:/run/a.sock"), Ok(Address::Unix("/run/a.sock".into())));
        assert_eq!(read("unix:a.sock"), Ok(Address::Unix("/etc/gateway/a.sock".into())));
        for bad in ["localhost:8080", "8080", ":8080", "127.0.0.1", "127.0.0.1:99999", "unix:"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&format!("unix:/{}", "a".repeat(107))).unwrap_err().contains("108 bytes"));
    }

    #[test]
    fn the_same_port_of_the_same_machine_clashes() {
        let clash = |one, other| clash(&read(one).unwrap(), &read(other).unwrap());
        assert!(clash("127.0.0.1:80", "127.0.0.1:80"));
        assert!(clash("0.0.0.0:80", "127.0.0.1:80"));
        assert!(clash("10.0.0.1:80", "[::]:80"));
        assert!(clash("unix:a", "unix:/etc/gateway/a"));
        assert!(!clash("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!clash("127.0.0.1:80", "127.0.0.1:81"));
        assert!(!clash("127.0.0.1:0", "127.0.0.1:0"));
        assert!(!clash("127.0.0.1:80", "unix:a"));
    }
}

//! An authority that signs users' access tokens for the gateway, and exchanges any for the one that the
//! origin server takes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;

use crate::{Result, token};

/// An authority on loopback, as long as this process lives.
pub(super) struct Authority {
    address: SocketAddr,
    key: EncodingKey,
}

impl Authority {
    /// Starts it, with a key of its own.
    pub(super) fn start() -> Result<Self> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes())?;
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        jwk.common.key_id = Some(KEY.to_owned());
        let keys = serde_json::to_string(&JwkSet { keys: vec![jwk] })?;
        let token = json!({
            "token_type": "Bearer",
            "expires_in": 86_399,
            "access_token": token::token(),
        });
        let answers = Arc::new([keys, token.to_string()]);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let answers = answers.clone();
                // Whoever breaks off gets nothing, and asks again.
                thread::spawn(move || serve(connection, &answers));
            }
        });
        Ok(Self { address, key })
    }

    /// Its URL, which is also what stands as `iss` in its tokens.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An access token of this user's for the gateway, with what such tokens say, good for six hours.
    pub(super) fn sign(&self, user: usize) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({
            "aud": AUDIENCE,
            "iss": self.url(),
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 21_600,
            "azp": "8f6a1f0c-1f5a-4c08-9b43-5f3b7a0e6d11",
            "name": format!("User {user}"),
            "oid": format!("1d2c3b4a-0000-4000-8000-{user:012}"),
            "scp": "Dicom.Read",
            "sub": format!("user-{user}"),
            "tid": "5c1f0a2e-7c40-4c7b-8a55-0f3a9b1c2d3e",
            "ver": "2.0",
        });
        let header = Header { kid: Some(KEY.to_owned()), ..Header::new(Algorithm::ES256) };
        Ok(encode(&header, &claims, &self.key)?)
    }
}

/// Keys to who gets, a token to who posts.
fn serve(connection: TcpStream, [keys, token]: &[String; 2]) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let body = if line.starts_with("GET") { keys } else { token };
        let mut length = 0;
        while line.trim() != "" {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            line.clear();
            reader.read_line(&mut line)?;
        }
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        reader.get_mut().write_all(answer.as_bytes())?;
    }
}

/// For whom its tokens are.
pub(super) const AUDIENCE: &str = "scale";

const KEY: &str = "1";

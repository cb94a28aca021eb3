//! Who is measured: the gateway with log and metrics on, and nginx as a yardstick.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::authority::{AUDIENCE, Authority};
use super::caller::Caller;
use crate::Result;
use crate::load::Target;
use crate::machine::Cores;
use crate::peers::wait_until;
use crate::process::Process;
use crate::venue::{Venue, free_address};

/// What a gateway is to be like.
#[derive(Clone, Copy, Default)]
pub(super) struct Shape {
    /// Routes, each with a prefix of its own.
    pub(super) routes: usize,
    /// Whether callers are users, on whose behalf it asks.
    pub(super) users: bool,
    /// Whether it speaks TLS with both ends.
    pub(super) tls: bool,
}

/// A peer that serves.
pub(super) struct Running {
    pub(super) target: Target,
    pub(super) family: Vec<u32>,
    pub(super) admin: SocketAddr,
    process: Process,
}

impl Running {
    /// A gateway of this shape, which has answered.
    pub(super) fn gateway(
        program: &Path,
        (venue, authority): (&Venue, &Authority),
        shape: Shape,
    ) -> Result<Self> {
        let mut running = Self::starting_gateway(program, (venue, authority), shape)?;
        running.wait(|running| {
            Target { address: running.admin, tls: None, bearer: None }.status("/ready")
        })?;
        running.family = running.process.family();
        Ok(running)
    }

    /// The same, as soon as its process is there.
    pub(super) fn starting_gateway(
        program: &Path,
        (venue, authority): (&Venue, &Authority),
        shape: Shape,
    ) -> Result<Self> {
        let (listen, admin) = (free_address()?, free_address()?);
        venue.write("client-secret", "a secret of no worth")?;
        let (origin, anchors, scheme) = match shape.tls {
            true => (venue.origin.tls, "anchors = \"ca.pem\"", "https"),
            false => (venue.origin.plain, "", "http"),
        };
        let identity = match shape.tls {
            true => "identity = { chain = \"chain.pem\", key = \"key.pem\" }",
            false => "",
        };
        let issuer = authority.url();
        let callers = match shape.users {
            true => format!(
                "grant = \"on_behalf_of\"\ncallers.bearer = {{ issuer = \"{issuer}\", \
                 audience = \"{AUDIENCE}\", jwks_uri = \"{issuer}/keys\" }}"
            ),
            false => "callers = \"anyone\"".to_owned(),
        };
        let routes = (0..shape.routes).map(|route| {
            format!(
                "[[route]]\nprefix = \"{}\"\norigin = \"{scheme}://{origin}/dicom-web\"\n\
                 {anchors}\nscope = \"scale\"\nurls = \"keep\"\n{callers}\n",
                prefix(route)
            )
        });
        let text = CONFIGURATION
            .replace("LISTEN", &listen.to_string())
            .replace("ADMIN", &admin.to_string())
            .replace("IDENTITY", identity)
            .replace("AUTHORITY", &issuer);
        let text = text + &routes.collect::<String>();
        let file = venue.write(&format!("gateway-{}.toml", listen.port()), &text)?;
        // The lines go nowhere, so that no disk is measured; that they are made and written is.
        let says = Path::new("/dev/null");
        let program = program.display().to_string();
        let process = Process::start(&[&program, "serve", &file], Cores::Peer, says)?;
        let tls = shape.tls.then(|| venue.tls.clone());
        let target = Target { address: listen, tls, bearer: None };
        Ok(Self { target, family: Vec::new(), admin, process })
    }

    /// nginx, with the token in its configuration.
    pub(super) fn nginx(venue: &Venue) -> Result<Self> {
        let listen = free_address()?;
        let name = format!("nginx-{}", listen.port());
        let text = NGINX
            .replace("LISTEN", &listen.to_string())
            .replace("ORIGIN", &venue.origin.plain.to_string())
            .replace("TOKEN", &venue.token)
            .replace("PREFIX", &prefix(0))
            .replace("NAME", &name)
            .replace("DIR", &venue.path("").display().to_string());
        let file = venue.write(&format!("{name}.conf"), &text)?;
        let says = venue.path(&format!("{name}.log"));
        let process = Process::start(&["nginx", "-e", "stderr", "-c", &file], Cores::Peer, &says)?;
        let target = Target { address: listen, tls: None, bearer: None };
        let mut running = Self { target, family: Vec::new(), admin: listen, process };
        running.wait(|running| running.target.status(&format!("{}/studies", prefix(0)))).map_err(
            |error| format!("{error} {}", fs::read_to_string(&says).unwrap_or_default()),
        )?;
        running.family = running.process.family();
        Ok(running)
    }

    /// A caller of its own.
    pub(super) fn caller(&self) -> Result<Caller> {
        Caller::connect(&self.target)
    }

    fn wait(&mut self, ask: impl Fn(&Self) -> Result<u16>) -> Result<()> {
        wait_until(
            200,
            || {
                if self.process.has_ended() { Err("it ended".into()) } else { ask(self) }
            },
        )
    }
}

/// A route's.
pub(super) fn prefix(route: usize) -> String {
    format!("/hospital-{route}/dicom-web")
}

const CONFIGURATION: &str = r#"
[listener]
address = "LISTEN"
max_connections = 20000
idle_timeout_secs = 3600
IDENTITY

[admin]
address = "ADMIN"

[client]
token_endpoint = "AUTHORITY/token"
id = "scale"
credential.secret_file = "client-secret"

[runtime]
workers = 1
max_user_tokens_bytes = 2000000000
"#;

const NGINX: &str = r#"
user root; daemon off; worker_processes 1; worker_rlimit_nofile 20000;
pid DIR/NAME.pid; error_log stderr crit;
events { worker_connections 19000; }
http {
 access_log off; sendfile on; tcp_nodelay on;
 keepalive_requests 1000000000; keepalive_timeout 3600s;
 client_body_temp_path DIR/NAME-tmp; proxy_temp_path DIR/NAME-tmp;
 fastcgi_temp_path DIR/NAME-tmp; uwsgi_temp_path DIR/NAME-tmp; scgi_temp_path DIR/NAME-tmp;
 upstream origin {
  server ORIGIN; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s;
 }
 server {
  listen LISTEN backlog=4096;
  location PREFIX/ {
   proxy_pass http://origin/dicom-web/; proxy_http_version 1.1;
   proxy_set_header Connection ""; proxy_set_header Host ORIGIN;
   proxy_set_header Authorization "Bearer TOKEN";
   proxy_buffers 8 64k; proxy_buffer_size 16k; proxy_busy_buffers_size 128k;
   proxy_max_temp_file_size 0;
  }
 }
}
"#;

//! HAProxy with room for a token in its heads, and with splice(2) where both sides are plain.

use super::Job;
use crate::Result;

pub(super) fn command(job: &Job<'_>) -> Result<Vec<String>> {
    let Job { venue, flow, workers, listen, name } = job;
    let both = venue.path("both.pem").display().to_string();
    let bind = if flow.has_tls_callers() {
        format!("ssl crt {both} alpn h2,http/1.1")
    } else {
        String::new()
    };
    let server = if flow.has_tls_origin() {
        format!("ssl ca-file {}", venue.path("ca.pem").display())
    } else {
        String::new()
    };
    let origin = venue.origin.address(*flow);
    let file = venue.write(
        &format!("{name}.cfg"),
        &format!(
            r#"
global
  nbthread {workers}
  maxconn 4000
  tune.maxrewrite 4096
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout client 600s
  timeout server 600s
  timeout connect 5s
  timeout http-keep-alive 600s
  option http-keep-alive
  http-reuse always
  option splice-response
  option splice-request
  no log
frontend callers
  bind {listen} {bind}
  http-request set-header Authorization "Bearer {token}"
  http-request set-header Host {origin}
  default_backend origin
backend origin
  server origin {origin} pool-max-conn 1000 {server}
"#,
            token = venue.token,
        ),
    )?;
    Ok(["haproxy", "-db", "-f", &file].map(str::to_owned).to_vec())
}

//! nginx with buffers for bodies of this size. As it comes, it needs three times the CPU for them.

use super::Job;
use crate::Result;

pub(super) fn command(job: &Job<'_>) -> Result<Vec<String>> {
    let Job { venue, flow, workers, listen, name } = job;
    let listener = if flow.has_tls_callers() {
        "ssl http2 reuseport backlog=4096; ssl_certificate DIR/chain.pem; ssl_certificate_key DIR/key.pem; \
         ssl_protocols TLSv1.3"
    } else {
        "reuseport backlog=4096"
    };
    let scheme = if flow.has_tls_origin() { "https" } else { "http" };
    let file = venue.write(
        &format!("{name}.conf"),
        &CONFIGURATION
            .replace("LISTENER", listener)
            .replace("SCHEME", scheme)
            .replace("LISTEN", &listen.to_string())
            .replace("ORIGIN", &venue.origin.address(*flow).to_string())
            .replace("TOKEN", &venue.token)
            .replace("WORKERS", &workers.to_string())
            .replace("NAME", name)
            .replace("DIR", &venue.path("").display().to_string()),
    )?;
    Ok(["nginx", "-e", "stderr", "-c", &file].map(str::to_owned).to_vec())
}

const CONFIGURATION: &str = r#"
user root; daemon off; worker_processes WORKERS; worker_rlimit_nofile 8192;
pid DIR/NAME.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
 access_log off; sendfile on; tcp_nodelay on; client_max_body_size 0;
 keepalive_requests 1000000000; keepalive_timeout 600s;
 client_body_temp_path DIR/NAME-tmp; proxy_temp_path DIR/NAME-tmp;
 fastcgi_temp_path DIR/NAME-tmp; uwsgi_temp_path DIR/NAME-tmp; scgi_temp_path DIR/NAME-tmp;
 upstream origin {
  server ORIGIN; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s;
 }
 server {
  listen LISTEN LISTENER;
  location / {
   proxy_pass SCHEME://origin; proxy_http_version 1.1; proxy_ssl_protocols TLSv1.3;
   proxy_set_header Connection ""; proxy_set_header Host ORIGIN;
   proxy_set_header Authorization "Bearer TOKEN";
   proxy_request_buffering off; client_body_buffer_size 512k;
   proxy_buffers 8 64k; proxy_buffer_size 16k; proxy_busy_buffers_size 128k;
   proxy_max_temp_file_size 0;
  }
 }
}
"#;

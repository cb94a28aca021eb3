//! The origin server: nginx, with files where a DICOM service has studies.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::Result;
use crate::case::{Flow, Transfer};
use crate::load::Target;
use crate::machine::Cores;
use crate::process::Process;
use crate::venue::free_address;

/// A running origin server. Ends when dropped.
pub struct Origin {
    /// Plain HTTP.
    pub plain: SocketAddr,
    /// TLS 1.3.
    pub tls: SocketAddr,
    _process: Process,
}

impl Origin {
    /// Starts it in `folder`, where the certificates are. It serves anyone, but [`CHECK`] needs `token`.
    pub fn start(folder: &Path, token: &str, cores: Cores) -> Result<Self> {
        let (plain, tls) = (free_address()?, free_address()?);
        for transfer in [Transfer::Search, Transfer::Metadata, Transfer::LongMetadata] {
            let body = instances(plain, usize::try_from(transfer.size())?);
            fs::write(folder.join(file(transfer)), body)?;
        }
        for transfer in [Transfer::Frame, Transfer::Instance] {
            fs::write(folder.join(file(transfer)), vec![b' '; usize::try_from(transfer.size())?])?;
        }
        let dir = folder.display().to_string();
        let files =
            [Transfer::Metadata, Transfer::LongMetadata, Transfer::Frame, Transfer::Instance];
        let locations: String = files
            .map(|transfer| {
                let (path, file) = (transfer.path(), file(transfer));
                format!("  location = {path} {{ alias {dir}/{file}; }}\n")
            })
            .concat();
        let configuration = CONFIGURATION
            .replace("LOCATIONS", &locations)
            .replace("SEARCH_PATH", Transfer::Search.path())
            .replace("RESULTS", file(Transfer::Search))
            .replace("CHECK_PATH", CHECK)
            .replace("TOKEN", token)
            .replace("PLAIN_ADDRESS", &plain.to_string())
            .replace("TLS_ADDRESS", &tls.to_string())
            .replace("DIR", &dir);
        let file = folder.join("origin.conf");
        fs::write(&file, configuration)?;
        let command = ["nginx", "-e", "stderr", "-c", &file.display().to_string()];
        let process = Process::start(&command, cores, &folder.join("origin.log"))?;
        let origin = Self { plain, tls, _process: process };
        crate::peers::wait_until(200, || {
            Target { address: plain, tls: None, bearer: Some(token.to_owned()) }.status(CHECK)
        })
        .map_err(|error| {
            let log = fs::read_to_string(folder.join("origin.log")).unwrap_or_default();
            format!("the origin server does not answer ({error}): {log}")
        })?;
        Ok(origin)
    }

    /// Its address for peers of `flow`.
    pub fn address(&self, flow: Flow) -> SocketAddr {
        if flow.has_tls_origin() { self.tls } else { self.plain }
    }
}

/// Instances in DICOM JSON as Orthanc describes them, with a URL of the server's own in each kilobyte or
/// so, and spaces up to the size that is wanted.
fn instances(server: SocketAddr, size: usize) -> Vec<u8> {
    let mut text = "[".to_owned();
    for number in 1.. {
        let one = INSTANCE
            .replace("SERVER", &server.to_string())
            .replace("NUMBER", &number.to_string())
            .replace(['\n', ' '], "");
        if text.len() + one.len() + 2 > size {
            break;
        }
        if number > 1 {
            text.push(',');
        }
        text.push_str(&one);
    }
    text.push(']');
    let mut bytes = text.into_bytes();
    bytes.resize(size, b' ');
    bytes
}

const INSTANCE: &str = r#"
{"00080005":{"vr":"CS","Value":["ISO_IR100"]},"00080008":{"vr":"CS","Value":["ORIGINAL","PRIMARY","AXIAL"]},
"00080016":{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.2"]},"00080018":{"vr":"UI","Value":["1.2.3.4.5.NUMBER"]},
"00080020":{"vr":"DA","Value":["20240312"]},"00080030":{"vr":"TM","Value":["101500"]},
"00080060":{"vr":"CS","Value":["CT"]},"00100010":{"vr":"PN","Value":[{"Alphabetic":"Phantom^Thorax"}]},
"00100020":{"vr":"LO","Value":["PH-1"]},"0020000D":{"vr":"UI","Value":["1.2.3"]},
"0020000E":{"vr":"UI","Value":["4.5"]},"00200013":{"vr":"IS","Value":[NUMBER]},
"00200032":{"vr":"DS","Value":[-250.0,-250.0,NUMBER]},"00200037":{"vr":"DS","Value":[1,0,0,0,1,0]},
"00280010":{"vr":"US","Value":[512]},"00280011":{"vr":"US","Value":[512]},
"7FE00010":{"vr":"OW","BulkDataURI":
"http://SERVER/dicom-web/studies/1.2.3/series/4.5/instances/1.2.3.4.5.NUMBER/bulk/7fe00010"}}
"#;

/// Answers 200 to who brings the token, and 401 to all others.
pub const CHECK: &str = "/dicom-web/studies/9.9/metadata";

fn file(transfer: Transfer) -> &'static str {
    match transfer {
        Transfer::Search => "1k.json",
        Transfer::Metadata => "50k.json",
        Transfer::LongMetadata => "20m.json",
        Transfer::Frame => "512k.bin",
        Transfer::Instance => "100m.bin",
        Transfer::Store => "none",
    }
}

/// Lua reads and drops the bodies of stores; nothing else of nginx does without writing them down.
const CONFIGURATION: &str = r#"
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
user root; daemon off; worker_processes 1; worker_rlimit_nofile 8192;
pid DIR/origin.pid; error_log stderr crit;
events { worker_connections 4096; multi_accept on; }
http {
 access_log off; sendfile on; tcp_nodelay on; client_max_body_size 0;
 keepalive_requests 1000000000; keepalive_timeout 600s; large_client_header_buffers 8 16k;
 open_file_cache max=100 inactive=600s; open_file_cache_valid 600s;
 client_body_temp_path DIR/origin-tmp; proxy_temp_path DIR/origin-tmp;
 fastcgi_temp_path DIR/origin-tmp; uwsgi_temp_path DIR/origin-tmp; scgi_temp_path DIR/origin-tmp;
 default_type application/dicom+json;
 server {
  listen PLAIN_ADDRESS reuseport backlog=4096;
  listen TLS_ADDRESS ssl reuseport backlog=4096;
  ssl_certificate DIR/chain.pem; ssl_certificate_key DIR/key.pem; ssl_protocols TLSv1.3;
  location = CHECK_PATH {
   if ($http_authorization = "Bearer TOKEN") { return 200 "[]"; }
   return 401 "[]";
  }
LOCATIONS
  location = SEARCH_PATH {
   if ($request_method = POST) { rewrite ^ /drop last; }
   alias DIR/RESULTS;
  }
  location = /drop {
   internal;
   client_body_buffer_size 64k; lua_need_request_body off;
   content_by_lua_block {
    local socket, all = ngx.req.socket(), 0
    socket:settimeout(60000)
    while true do
     local data, problem, partial = socket:receive(65536)
     if data then all = all + #data else all = all + #(partial or ""); break end
    end
    local answer = tostring(all)
    ngx.header.content_length = #answer
    ngx.print(answer)
   }
  }
 }
}
"#;

//! Several services behind one gateway: each route has its own origin server, client and scope, and
//! none learns of another's tokens or failures.

use std::convert::Infallible;
use std::net::SocketAddr;

use gateway_tests::world::Toml;
use gateway_tests::{Authority, Connection, RawCaller, Recorder, Running, World};
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[tokio::test]
async fn the_longest_prefix_has_the_request_with_the_token_of_its_own_client_and_scope() {
    let scene = Scene::new(3).await;
    let gateway = scene
        .start(&[
            ("/dicom-web", 1, "/v2", "clinic", "api://b/.default"),
            ("/dicom-web/research/trial-7", 0, "/trial", "research", "api://b/.default"),
            ("/", 0, "/pacs", "clinic", "api://a/.default"),
            ("/dicom-web/research", 2, "", "research", "api://c/.default"),
        ])
        .await;
    for (path, server, target, token) in [
        ("/studies", 0, "/pacs/studies", "clinic api://a/.default"),
        ("/dicom-web/studies?a=%41", 1, "/v2/studies?a=%41", "clinic api://b/.default"),
        ("/dicom-web/studies/1.2/series", 1, "/v2/studies/1.2/series", "clinic api://b/.default"),
        ("/dicom-web/research/studies", 2, "/studies", "research api://c/.default"),
        ("/dicom-web/research/trial-7/studies", 0, "/trial/studies", "research api://b/.default"),
        ("/?requestType=WADO", 0, "/pacs/?requestType=WADO", "clinic api://a/.default"),
        ("/dicom-web?requestType=WADO", 1, "/v2?requestType=WADO", "clinic api://b/.default"),
        (
            "/dicom-web/research?requestType=WADO",
            2,
            "/?requestType=WADO",
            "research api://c/.default",
        ),
    ] {
        assert_eq!(get(&gateway, path).await, 200, "{path}");
        let request = scene.servers[server].requests().pop().unwrap();
        assert_eq!(request.target, target, "{path}");
        assert_eq!(request.header("authorization"), Some(&*bearer(token)), "{path}");
    }
    let before = scene.bytes_seen();
    // They begin like a route, and go no further than to the one that they are below.
    for path in ["/dicom-webs/studies", "/dicom-web/researchers/studies", "/Dicom-Web/studies"] {
        assert_eq!(get(&gateway, path).await, 404, "{path}");
    }
    for path in ["/dicom-web/research/../studies", "/dicom-web//research/studies"] {
        assert_eq!(get(&gateway, path).await, 400, "{path}");
    }
    assert_eq!(scene.bytes_seen(), before);
    assert_eq!(scene.requests().len(), 8);
}

#[tokio::test]
async fn each_partition_has_a_route_and_all_of_them_one_token() {
    let scene = Scene::new(1).await;
    let scope = "https://dicom.healthcareapis.azure.com/.default";
    let gateway = scene
        .start(&[
            ("/north", 0, "/v2/partitions/north", "clinic", scope),
            ("/south", 0, "/v2/partitions/south", "clinic", scope),
            ("/all", 0, "/v2", "clinic", scope),
        ])
        .await;
    for (path, target) in [
        ("/north/studies", "/v2/partitions/north/studies"),
        ("/south/studies/1.2/metadata", "/v2/partitions/south/studies/1.2/metadata"),
        ("/all/partitions/east/studies", "/v2/partitions/east/studies"),
    ] {
        assert_eq!(get(&gateway, path).await, 200, "{path}");
        let request = scene.servers[0].requests().pop().unwrap();
        assert_eq!(request.target, target);
        assert_eq!(request.header("authorization"), Some(&*bearer(&format!("clinic {scope}"))));
    }
    let metrics = gateway.admin("/metrics").await.1;
    let acquired = metrics.lines().filter(|line| line.contains("outcome=\"acquired\"} 1"));
    assert_eq!(acquired.count(), 1, "{metrics}");
}

#[tokio::test]
async fn a_route_allows_what_it_allows_whatever_others_do() {
    let scene = Scene::new(2).await;
    let mut toml = scene.toml(&[
        ("/", 0, "", "clinic", "api://a/.default"),
        ("/archive", 1, "", "clinic", "api://b/.default"),
    ]);
    toml.more.push_str("allow = [\"delete\"]\n");
    let gateway = scene.world.start_ready(&toml).await;
    for (method, path, status) in [
        ("GET", "/studies", 200),
        ("DELETE", "/studies/1.2", 403),
        ("GET", "/archive/studies", 403),
        ("DELETE", "/archive/studies/1.2", 200),
    ] {
        assert_eq!(send(&gateway, method, path).await, status, "{method} {path}");
    }
}

#[tokio::test]
async fn an_authority_s_outage_touches_no_route_of_another_s() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let other = Authority::start(&world.ca).await;
    other.set_secrets(&[&world.authority.secret()]);
    other.stop().await;
    let client = [("well", &world.authority), ("ill", &other)]
        .map(|(name, authority)| client(name, &authority.token_endpoint(), &authority.client_id()));
    let origin = recorder.url();
    let scope = world.authority.scope();
    let toml = Toml {
        client: client.concat(),
        route: "prefix = \"/well\"\nclient = \"well\"".into(),
        more: route("/ill", &origin, "ill", &scope),
        ..world.toml(&origin)
    };
    let gateway = world.start(&toml);
    world.authority.wait_for_requests(1).await;
    for _ in 0..5 {
        assert_eq!(get(&gateway, "/ill/studies").await, 503);
        assert_eq!(get(&gateway, "/well/studies").await, 200);
    }
    assert_eq!(recorder.requests().len(), 5);

    other.restart().await;
    gateway.wait_until_ready().await;
    world.authority.stop().await;
    assert_eq!(get(&gateway, "/ill/studies").await, 200);
    assert_eq!(get(&gateway, "/well/studies").await, 200, "its token is still good");
    let brought = recorder.requests();
    let expected = [&other, &world.authority].map(|authority| authority.last_token().unwrap());
    for (request, token) in brought[5..].iter().zip(expected) {
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {token}")));
    }
}

#[tokio::test]
async fn an_origin_server_that_is_down_harms_no_other_route() {
    let scene = Scene::new(2).await;
    let gateway = scene
        .start(&[
            ("/", 0, "", "clinic", "api://a/.default"),
            ("/dicom-web", 1, "", "clinic", "api://b/.default"),
        ])
        .await;
    scene.servers[1].stop().await;
    assert_eq!(get(&gateway, "/dicom-web/studies").await, 502);
    assert_eq!(get(&gateway, "/studies").await, 200);
    scene.servers[1].restart().await;
    assert_eq!(get(&gateway, "/dicom-web/studies").await, 200);
}

#[tokio::test]
async fn two_hundred_routes_each_with_a_scope_of_its_own_work() {
    let scene = Scene::new(2).await;
    let names = (0..200)
        .map(|n| (format!("/sites/{n}"), format!("/v2/{n}"), format!("api://{n}/.default")));
    let names = names.collect::<Vec<_>>();
    let routes = names.iter().enumerate().map(|(n, (prefix, base, scope))| {
        (prefix.as_str(), n % 2, base.as_str(), ["clinic", "research"][n % 2], scope.as_str())
    });
    let gateway = scene.start(&routes.collect::<Vec<_>>()).await;
    let caller = Connection::open(gateway.address(), Version::HTTP_2).await.unwrap();
    for (n, (prefix, base, scope)) in names.iter().enumerate() {
        let (status, _) = caller.fetch(&format!("{prefix}/studies")).await.unwrap();
        assert_eq!(status, 200, "{prefix}");
        let request = scene.servers[n % 2].requests().pop().unwrap();
        assert_eq!(request.target, format!("{base}/studies"));
        let token = bearer(&format!("{} {scope}", ["clinic", "research"][n % 2]));
        assert_eq!(request.header("authorization"), Some(token.as_str()));
    }
}

/// Origin servers that write everything down, and an authority whose tokens say whose they are.
struct Scene {
    world: World,
    servers: Vec<Recorder>,
    issuer: Issuer,
}

/// Prefix, index of the origin server, base path there, client, scope.
type Row<'a> = (&'a str, usize, &'a str, &'a str, &'a str);

impl Scene {
    async fn new(servers: usize) -> Self {
        let world = World::new().await;
        let mut recorders = Vec::new();
        for _ in 0..servers {
            recorders.push(Recorder::start().await);
        }
        Self { world, servers: recorders, issuer: Issuer::start().await }
    }

    fn toml(&self, rows: &[Row<'_>]) -> Toml {
        let clients = ["clinic", "research"].map(|name| client(name, &self.issuer.url(), name));
        let url = |row: &Row<'_>| self.servers[row.1].url() + row.2;
        let ((prefix, _, _, client, scope), rest) = (rows[0], &rows[1..]);
        let route = format!("prefix = \"{prefix}\"\nclient = \"{client}\"\nscope = \"{scope}\"");
        let more = rest.iter().map(|row| self::route(row.0, &url(row), row.3, row.4)).collect();
        Toml { client: clients.concat(), route, more, ..self.world.toml(url(&rows[0])) }
    }

    async fn start(&self, rows: &[Row<'_>]) -> Running {
        self.world.start_ready(&self.toml(rows)).await
    }

    fn bytes_seen(&self) -> usize {
        self.servers.iter().map(Recorder::bytes_seen).sum()
    }

    fn requests(&self) -> Vec<gateway_tests::RawRequest> {
        self.servers.iter().flat_map(Recorder::requests).collect()
    }
}

fn client(name: &str, endpoint: &str, id: &str) -> String {
    format!(
        "[client.{name}]\ntoken_endpoint = \"{endpoint}\"\nid = \"{id}\"\nanchors = \"ca.pem\"\n\
         credential.secret_file = \"client-secret\"\n"
    )
}

fn route(prefix: &str, origin: &str, client: &str, scope: &str) -> String {
    format!(
        "[[route]]\nprefix = \"{prefix}\"\norigin = \"{origin}\"\nclient = \"{client}\"\n\
         scope = \"{scope}\"\ncallers = \"anyone\"\n"
    )
}

async fn get(gateway: &Running, path: &str) -> u16 {
    send(gateway, "GET", path).await
}

async fn send(gateway: &Running, method: &str, path: &str) -> u16 {
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    let message = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    caller.send(message).await.unwrap();
    caller.read_response().await.unwrap().status
}

/// An authority that believes everyone, and whose tokens name their client and scope.
struct Issuer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(Self::issue));
                tokio::spawn(served);
            }
        });
        Self { address, task }
    }

    fn url(&self) -> String {
        format!("http://{}/token", self.address)
    }

    async fn issue(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let fields = url::form_urlencoded::parse(&body).collect::<Vec<_>>();
        let field = |name| &fields.iter().find(|field| field.0 == name).unwrap().1;
        let token = token(&format!("{} {}", field("client_id"), field("scope")));
        let text = format!(
            "{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\",\"expires_in\":3600}}"
        );
        let answer = Response::builder().header("content-type", "application/json");
        Ok(answer.body(Full::from(text)).unwrap())
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn bearer(words: &str) -> String {
    format!("Bearer {}", token(words))
}

/// Whose it is, in the letters that a token may have.
fn token(words: &str) -> String {
    words.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

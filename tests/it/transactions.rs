//! Every transaction passes where its class is allowed, and nowhere else.
//!
//! One gateway has two routes for each class to the same origin server: one that allows this class
//! only, and one that allows all others.

mod azure;
mod standard;

use gateway_tests::world::Toml;
use gateway_tests::{Running, World};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response};

/// A gateway with the two routes for each class.
struct Bench {
    gateway: Running,
    caller: Client,
}

/// A request, and the class it belongs to.
struct Asked<'a> {
    method: &'a str,
    /// Below the route's prefix.
    path: &'a str,
    class: &'a str,
    accept: &'a str,
    content_type: &'a str,
    body: Vec<u8>,
}

impl Bench {
    async fn start(world: &World, origin: &str, profile: &str) -> Self {
        let route = |name: &str, allow: &[&str]| {
            format!(
                "prefix = \"/{name}\"\norigin = \"{origin}\"\nprofile = \"{profile}\"\n\
                 scope = \"{}\"\ncallers = \"anyone\"\nallow = {allow:?}\n",
                world.authority.scope()
            )
        };
        let routes = CLASSES.iter().flat_map(|class| {
            let others: Vec<&str> = CLASSES.iter().copied().filter(|it| it != class).collect();
            [route(&format!("only-{class}"), &[class]), route(&format!("not-{class}"), &others)]
        });
        let mut routes = routes.collect::<Vec<_>>();
        let first = routes.remove(0);
        let more = routes.iter().map(|route| format!("[[route]]\n{route}\n")).collect();
        let gateway = world.start_ready(&Toml { route: first, more, ..world.toml(origin) }).await;
        // A connection each: one that was refused in the middle of a body ends.
        let caller = Client::builder().no_proxy().pool_max_idle_per_host(0);
        Self { gateway, caller: caller.build().unwrap() }
    }

    /// The answer on the route that allows nothing but the request's class.
    async fn permitted(&self, asked: &Asked<'_>) -> Response {
        self.ask("only", asked).await
    }

    /// The answer on the route that allows every other class.
    async fn refused(&self, asked: &Asked<'_>) -> Response {
        self.ask("not", asked).await
    }

    async fn ask(&self, route: &str, asked: &Asked<'_>) -> Response {
        let url = self.gateway.url(&format!("/{route}-{}{}", asked.class, asked.path));
        let mut request = self.caller.request(asked.method.parse().unwrap(), url);
        request = request.header(ACCEPT, asked.accept);
        if !asked.content_type.is_empty() {
            request = request.header(CONTENT_TYPE, asked.content_type).body(asked.body.clone());
        }
        request.send().await.unwrap()
    }
}

const CLASSES: [&str; 6] = ["search", "retrieve", "store", "delete", "worklist", "manage"];

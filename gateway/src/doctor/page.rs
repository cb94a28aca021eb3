//! A web page: whether its browser will let it call.

use http::{HeaderMap, HeaderValue, Method, Request, header};
use url::Url;

use super::finding::{Said, plain};
use crate::cors;
use crate::route::Route;

/// What browsers are told of a page of this origin by a route.
pub(super) fn look(page: &str, route: Option<&Route>) -> Said {
    let Some(origin) = origin(page) else {
        return Said::fail(
            format!("{} is no origin of a web page", plain(page)),
            "write scheme, host and port as the browser's address bar has them: \
             https://viewer.example",
        );
    };
    let Some(route) = route else { return Said::skip("the configuration cannot be built") };
    let own = route.config.public_url.as_ref().map(|url| url.origin().ascii_serialization());
    if own.as_deref() == Some(&origin) {
        return Said::ok(format!("{origin} is the gateway's own: browsers ask for no leave"));
    }
    match preflight(&origin, route) {
        Some(headers) => let_in(&origin, &headers),
        None => kept_out(&origin, route),
    }
}

/// Our answer to the browser of a page that wants to search, if it is let in.
fn preflight(origin: &str, route: &Route) -> Option<HeaderMap> {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(format!("{}/studies", route.label))
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "accept,authorization")
        .body(())
        .ok()?;
    let page = route.pages.page(request.headers());
    let answer = cors::preflight(route, page, &request, HeaderValue::from_static("doctor")).ok()?;
    let mut headers = answer.into_parts().0.headers;
    route.pages.tell(page, &mut headers);
    Some(headers)
}

fn let_in(origin: &str, headers: &HeaderMap) -> Said {
    let value = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let methods = value(header::ACCESS_CONTROL_ALLOW_METHODS).unwrap_or_default();
    let credentials = match value(header::ACCESS_CONTROL_ALLOW_CREDENTIALS) {
        Some(_) => "with credentials",
        None => "without credentials",
    };
    if methods.is_empty() {
        return Said::fail(
            format!("{origin} is let in, and may not even search"),
            "have `allow` or a permit of this route hold \"search\"",
        );
    }
    let says = format!("{origin} is let in: {methods} on /studies, {credentials}");
    Said::ok(says).fact("methods", methods).fact("credentials", credentials == "with credentials")
}

fn kept_out(origin: &str, route: &Route) -> Said {
    let listed = route.config.cors.as_ref().map(|cors| cors.origins.as_slice()).unwrap_or_default();
    let host = |text: &str| Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
    let near = listed.iter().find(|listed| host(listed) == host(origin));
    let (says, remedy) = match near {
        Some(near) => (
            format!("browsers will not let {origin} call: listed is {near}"),
            "scheme, host and port all count: put the one that the address bar has into \
             `cors.origins`"
                .to_owned(),
        ),
        None => {
            let all = listed.iter().map(String::as_str).chain([origin]);
            let all = all.map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ");
            (
                format!(
                    "browsers will not let {origin} call: no answer will have \
                         Access-Control-Allow-Origin"
                ),
                format!("write cors = {{ origins = [{all}] }} into this route"),
            )
        }
    };
    Said::fail(says, remedy)
}

/// As browsers write it; a path behind it is somebody's bookmark.
fn origin(page: &str) -> Option<String> {
    let url = Url::parse(page).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_web.then(|| url.origin().ascii_serialization())
}

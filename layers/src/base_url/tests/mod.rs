use std::convert::Infallible;

use http::{HeaderValue, Method, Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use super::BaseUrlLayer;
use crate::context::{Context, context};
use crate::protocol::BaseUrl;

mod forwarded;

type Headers<'a> = &'a [(&'a str, &'a [u8])];

/// Returns the URL that the layer sets for the inner service.
async fn told(layer: &BaseUrlLayer, request: Request<()>) -> Option<String> {
    let inner = service_fn(|request: Request<()>| async move {
        let (parts, ()) = request.into_parts();
        let told = Context::of(&parts.extensions).has_base_url();
        let url = told.then(|| Context::base_url(&parts));
        Ok::<_, Infallible>(Response::new(url))
    });
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    response.into_body().map(|url| url.as_str().to_owned())
}

fn post(uri: &str, headers: Headers<'_>) -> Request<()> {
    let mut request = Request::post(uri);
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    request.body(()).unwrap()
}

async fn base_url(layer: &BaseUrlLayer, headers: Headers<'_>) -> String {
    told(layer, post("/files/", headers)).await.unwrap()
}

#[tokio::test]
async fn a_fixed_url_is_what_it_is_whatever_the_request_says() {
    let request = || post("/", &[("host", b"a"), ("x-forwarded-host", b"b")]);
    for (set, url) in [
        ("https://example.com/files", "https://example.com/files/"),
        ("/files/", "/files/"),
    ] {
        let layer = BaseUrlLayer::fixed(set).trust_forwarded().relative();
        assert_eq!(told(&layer, request()).await.unwrap(), url);
    }
}

#[tokio::test]
async fn the_url_is_there_whatever_the_method() {
    let layer = BaseUrlLayer::from_request("/files/");
    for method in [
        Method::POST,
        Method::HEAD,
        Method::PATCH,
        Method::DELETE,
        Method::GET,
    ] {
        let request = Request::builder().method(method).header("host", "a");
        let url = told(&layer, request.body(()).unwrap()).await;
        assert_eq!(url.as_deref(), Some("http://a/files/"));
    }
}

#[tokio::test]
async fn a_url_that_is_there_stays() {
    let mut request = post("/", &[]);
    request
        .extensions_mut()
        .insert(context(|it| it.set_base_url(BaseUrl::new("/mine/"))));
    let layer = BaseUrlLayer::fixed("/files/");
    assert_eq!(told(&layer, request).await.unwrap(), "/mine/");
}

#[tokio::test]
async fn a_closure_makes_any_url_or_none() {
    let layer = BaseUrlLayer::by(|parts| {
        let tenant = parts.headers.get("x-tenant")?.to_str().ok()?;
        Some(BaseUrl::new(&format!("https://{tenant}.example.com/")))
    });
    let url = base_url(&layer, &[("x-tenant", b"acme")]).await;
    assert_eq!(url, "https://acme.example.com/");
    assert_eq!(told(&layer, post("/", &[])).await, None);
}

#[tokio::test]
async fn the_request_tells_its_host() {
    let layer = BaseUrlLayer::from_request("files");
    for (uri, host, url) in [
        ("/files/", "example.com", "http://example.com/files/"),
        ("/files/", "example.com:80", "http://example.com/files/"),
        (
            "/files/",
            "example.com:443",
            "http://example.com:443/files/",
        ),
        (
            "/files/",
            "my_service:8080",
            "http://my_service:8080/files/",
        ),
        ("/files/", "example.com:", "http://example.com/files/"),
        ("/files/", "[::1]:8080", "http://[::1]:8080/files/"),
        ("/files/", "[::1]", "http://[::1]/files/"),
        // HTTP/2 requests and requests to a proxy have scheme and host in the URI.
        (
            "https://a.example/files/",
            "b.example",
            "https://a.example/files/",
        ),
        ("https://a.example:443/", "", "https://a.example/files/"),
        ("http://a.example:443/", "", "http://a.example:443/files/"),
        ("ftp://a.example/", "", "http://a.example/files/"),
    ] {
        let request = post(uri, &[("host", host.as_bytes())]);
        assert_eq!(told(&layer, request).await.unwrap(), url, "{uri} {host}");
    }
}

#[tokio::test]
async fn the_base_path_may_be_the_root_and_need_no_slashes() {
    for (path, url) in [
        ("/", "http://a/"),
        ("", "http://a/"),
        ("files", "http://a/files/"),
        ("/a/b/", "http://a/a/b/"),
    ] {
        let layer = BaseUrlLayer::from_request(path);
        assert_eq!(base_url(&layer, &[("host", b"a")]).await, url);
    }
}

#[tokio::test]
async fn tls_is_told_where_the_request_does_not() {
    let layer = BaseUrlLayer::from_request("/files/").scheme_https();
    for (uri, host, url) in [
        ("/", "a.example:443", "https://a.example/files/"),
        ("/", "a.example:80", "https://a.example:80/files/"),
        ("http://a.example/", "", "http://a.example/files/"),
    ] {
        let request = post(uri, &[("host", host.as_bytes())]);
        assert_eq!(told(&layer, request).await.unwrap(), url);
    }
}

#[tokio::test]
async fn a_missing_or_bad_host_leaves_the_path() {
    let layer = BaseUrlLayer::from_request("/files/");
    let long = [b'a'; 256];
    let bad: [Headers<'_>; 10] = [
        &[],
        &[("host", b"")],
        &[("host", b"a b")],
        &[("host", b"user@a")],
        &[("host", b"a/b")],
        &[("host", b"a\"")],
        &[("host", b"a\xff")],
        &[("host", b"::1")],
        &[("host", &long)],
        &[("host", b"a"), ("host", b"b")],
    ];
    for headers in bad {
        assert_eq!(base_url(&layer, headers).await, "/files/", "{headers:?}");
    }
    let request = post("http://user:secret@a.example/", &[("host", b"b")]);
    assert_eq!(told(&layer, request).await.unwrap(), "/files/");
}

#[tokio::test]
async fn a_relative_url_is_the_path_behind_the_prefix() {
    let layer = BaseUrlLayer::from_request("/files/").relative();
    let headers: Headers<'_> = &[
        ("host", b"a"),
        ("x-forwarded-host", b"b"),
        ("x-forwarded-prefix", b"/up"),
    ];
    assert_eq!(base_url(&layer, headers).await, "/files/");
    let layer = layer.trust_forwarded();
    assert_eq!(base_url(&layer, headers).await, "/up/files/");
}

/// Returns the path of the base URL behind a prefix that a host has stripped.
async fn behind(prefix: &str, uri: &str, layer: BaseUrlLayer) -> Option<String> {
    let mut request = post(uri, &[]);
    let context = context(|it| it.set_stripped_prefix(prefix));
    request.extensions_mut().insert(context);
    told(&layer, request).await
}

#[tokio::test]
async fn a_path_is_given_with_or_without_what_a_host_has_stripped() {
    for (prefix, uri, path, url) in [
        ("/api", "/files/", "/files/", "/api/files/"),
        ("/api", "/files/", "/api/files/", "/api/files/"),
        (
            "/api",
            "/files/",
            "/public/api/files/",
            "/public/api/files/",
        ),
        ("/api/files", "/a", "/files/", "/api/files/"),
        ("/api/files", "/a", "/api/files/", "/api/files/"),
        ("/files", "/a", "/files", "/files/"),
        ("/files", "/files/a", "/files", "/files/files/"),
        ("/t/alice/files", "/", "/files/", "/t/alice/files/"),
        ("/api", "/a", "/", "/api/"),
    ] {
        let layer = BaseUrlLayer::from_request(path);
        let told = behind(prefix, uri, layer).await;
        assert_eq!(told.as_deref(), Some(url), "{path} behind {prefix}");
    }
}

#[tokio::test]
async fn a_path_that_cannot_lead_to_the_request_rejects_it() {
    for (prefix, uri, path) in [
        ("/uploads", "/a", "/files/"),
        ("/api", "/files/a", "/v1/files/"),
        ("/api", "/files/a", "/apis/files/"),
    ] {
        let inner = service_fn(|request: Request<()>| async move {
            let rejection = Context::of(request.extensions()).rejection().cloned();
            Ok::<_, Infallible>(Response::new(rejection))
        });
        let request = Request::post(uri).extension(context(|it| it.set_stripped_prefix(prefix)));
        let layer = BaseUrlLayer::from_request(path);
        let response = layer.layer(inner).oneshot(request.body(()).unwrap()).await;
        let rejection = response.unwrap().into_body().unwrap();
        assert_eq!(rejection.code(), "ERR_INTERNAL_SERVER_ERROR", "{path}");
        let fixed = BaseUrlLayer::fixed(path);
        assert_eq!(behind(prefix, uri, fixed).await.as_deref(), Some(path));
    }
}

use std::convert::Infallible;
use std::future::ready;

use http::header::{FORWARDED, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use tower::{Layer, ServiceExt, service_fn};
use tower_tus::layers::protocol::BaseUrl;
use tower_tus::{BaseUrlLayer, Body, Context};

use crate::runtime::run;

/// `Forwarded` and `X-Forwarded-*`: each line is a header with its name.
pub fn forwarded(lines: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in lines.split(|&byte| byte == b'\n') {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    run(is_where_uploads_are(headers));
}

/// The URL leads to this server, or to one that a trusted proxy names, and below the
/// base path.
async fn is_where_uploads_are(headers: HeaderMap) {
    let layer = BaseUrlLayer::from_request("/files/");
    let trusted = url(layer.clone().trust_forwarded(), &headers).await;
    let own = url(layer.clone(), &headers).await;
    let relative = url(layer.clone().relative().trust_forwarded(), &headers).await;
    for url in [&trusted, &own, &relative] {
        is_a_url(url.as_str());
        is_reversible(url, &headers);
    }
    assert!(relative.as_str().starts_with('/'), "{relative:?}");

    // Without trust, what proxies say makes no difference.
    let mut direct = HeaderMap::new();
    for host in headers.get_all(HOST) {
        direct.append(HOST, host.clone());
    }
    assert_eq!(own, url(layer.clone(), &direct).await);
    is_reported_again(&trusted, layer.trust_forwarded()).await;
}

async fn url(layer: BaseUrlLayer, headers: &HeaderMap) -> BaseUrl {
    let mut request = Request::post("/files/")
        .body(Body::default())
        .expect("it is valid");
    *request.headers_mut() = headers.clone();
    let tell = service_fn(|request: Request<Body>| {
        let (parts, _) = request.into_parts();
        let refused = Context::of(&parts.extensions).rejection();
        assert!(
            refused.is_none(),
            "a header refuses no request: {refused:?}"
        );
        let mut response = Response::new(());
        response.extensions_mut().insert(Context::base_url(&parts));
        ready(Ok::<_, Infallible>(response))
    });
    let Ok(response) = layer.layer(tell).oneshot(request).await;
    response.extensions().get().cloned().expect("it was told")
}

fn is_a_url(url: &str) {
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
    assert!(
        url.ends_with("/files/") && !url.starts_with("//"),
        "{url:?}"
    );
    let uri: Uri = url.parse().expect("it is a URL");
    assert!(uri.query().is_none(), "{url:?}");
    let up = uri.path().split('/').any(|part| matches!(part, "." | ".."));
    assert!(!up, "{url:?} leads elsewhere");
    match uri.scheme_str() {
        Some(scheme) => {
            assert!(["http", "https"].contains(&scheme), "{url:?}");
            assert!(uri.host().is_some_and(|host| !host.is_empty()), "{url:?}");
            assert_ne!(uri.port_u16(), Some(0), "{url:?}");
        }
        None => assert!(url.starts_with('/'), "{url:?}"),
    }
}

/// The URL of an upload names it.
fn is_reversible(base: &BaseUrl, headers: &HeaderMap) {
    let id = "a/50%41".parse().expect("it is an id");
    let mut request = Request::post("/files/").body(()).expect("it is valid");
    *request.headers_mut() = headers.clone();
    let (request, ()) = request.into_parts();
    let location = base.location(&id);
    let location = location.to_str().expect("it is visible ASCII");
    assert!(
        base.candidates(location, &request).contains(&id),
        "{location}"
    );
}

/// A proxy that reports the host of a URL leads to the same URL.
async fn is_reported_again(url: &BaseUrl, layer: BaseUrlLayer) {
    let uri: Uri = url.as_str().parse().expect("it is a URL");
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.authority()) else {
        return;
    };
    let text = format!("for=192.0.2.1;host=\"{host}\";proto={scheme}, for=\"[::1]\";host=b");
    let mut headers = HeaderMap::new();
    headers.insert(
        FORWARDED,
        HeaderValue::try_from(text).expect("it is visible"),
    );
    if let Some(prefix) = uri.path().strip_suffix("/files/") {
        let prefix = HeaderValue::from_str(prefix).expect("it is visible");
        headers.insert("x-forwarded-prefix", prefix);
    }
    assert_eq!(&self::url(layer, &headers).await, url);
}

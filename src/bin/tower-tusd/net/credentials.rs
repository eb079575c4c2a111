//! Keeps the credentials of clients out of logs.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;

/// Marks credentials as sensitive, so that `Debug` does not show them. Hooks still
/// receive their values.
pub(crate) fn hide_credentials() -> SetSensitiveRequestHeadersLayer {
    SetSensitiveRequestHeadersLayer::new([AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION])
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use tower::{ServiceBuilder, ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn credentials_are_there_but_never_shown() {
        let show = async |request: Request<()>| {
            let shown = format!("{request:?}");
            Ok::<_, Infallible>(Response::new((shown, request)))
        };
        let service = ServiceBuilder::new().layer(hide_credentials());
        let service = service.service(service_fn(show));
        let names = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];
        let mut request = Request::get("/").header("x-shown", "shown");
        for name in &names {
            request = request.header(name, "secret").header(name, "secret");
        }
        let Ok(response) = service.oneshot(request.body(()).unwrap()).await;
        let (shown, request) = response.into_body();
        assert!(
            shown.contains("shown") && !shown.contains("secret"),
            "{shown}"
        );
        for name in &names {
            let values = request.headers().get_all(name).iter();
            assert!(values.map(|value| value.as_bytes()).eq([b"secret"; 2]));
        }
    }
}

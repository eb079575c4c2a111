//! Proxies from the environment.

use std::net::IpAddr;

use http::{HeaderValue, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::ClientConfig;
use tower::ServiceExt;
use tower_tus_layers::protocol::BoxError;

use super::connect::{Stream, tcp};

/// A proxy for the requests to one server.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    uri: Uri,
    authorization: Option<HeaderValue>,
    connector: HttpsConnector<HttpConnector>,
    way: Way,
}

/// The way in which the proxy reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Forwards requests, for http.
    Forward,
    /// Tunnels connections, for https.
    Tunnel,
}

impl Proxy {
    /// Returns the proxy that the environment configures for `server`. `tls` is
    /// used to reach the proxy if its URL says https.
    ///
    /// # Errors
    ///
    /// Fails if the proxy uses another protocol than HTTP, such as SOCKS.
    pub(crate) fn from_env(server: &Uri, tls: &ClientConfig) -> Result<Option<Self>, BoxError> {
        // Like Go: programs on the same host are never reached through a proxy.
        if is_this_host(server) {
            return Ok(None);
        }
        Self::matching(&Matcher::from_env(), server, tls)
    }

    fn matching(
        matcher: &Matcher,
        server: &Uri,
        tls: &ClientConfig,
    ) -> Result<Option<Self>, BoxError> {
        let Some(proxy) = matcher.intercept(server) else {
            return Ok(None);
        };
        let uri = proxy.uri().clone();
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(format!("the proxy {uri} is not an http or https URL").into());
        }
        let mut tls = tls.clone();
        // CONNECT and forwarded requests use HTTP/1.1 here.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Self {
            uri,
            authorization: proxy.basic_auth().cloned(),
            connector: (tcp(), tls).into(),
            way: match server.scheme_str() {
                Some("https") => Way::Tunnel,
                _ => Way::Forward,
            },
        }))
    }

    /// Returns the `Proxy-Authorization` header for each request, if the proxy
    /// needs it.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        let authorization = self.authorization.as_ref();
        authorization.filter(|_| self.way == Way::Forward)
    }

    pub(super) async fn connect(self, server: Uri) -> Result<Stream, BoxError> {
        if self.way == Way::Forward {
            let connection = self.connector.oneshot(self.uri).await?;
            return Ok(Stream::new(connection).proxied());
        }
        let mut tunnel = Tunnel::new(self.uri, self.connector);
        if let Some(authorization) = self.authorization {
            tunnel = tunnel.with_auth(authorization);
        }
        Ok(Stream::new(tunnel.oneshot(server).await?))
    }
}

fn is_this_host(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::{Trust, config};
    use super::*;

    fn matching(proxy: &str, server: &'static str) -> Result<Option<Proxy>, BoxError> {
        let matcher = Matcher::builder().all(proxy).no("10.0.0.0/8").build();
        let tls = config(Trust::Anyone, None).unwrap();
        Proxy::matching(&matcher, &Uri::from_static(server), &tls)
    }

    #[test]
    fn this_host_has_its_names() {
        let is_this_host = |url: &'static str| is_this_host(&Uri::from_static(url));
        assert!(is_this_host("http://localhost:3000"));
        assert!(is_this_host("http://127.1.2.3"));
        assert!(is_this_host("http://[::1]:1/a"));
        assert!(!is_this_host("http://localhost.example"));
        assert!(!is_this_host("http://10.0.0.1"));
    }

    #[test]
    fn the_credentials_of_a_proxy_are_in_requests_for_http_servers_only() {
        let authorization = |server| {
            let proxy = matching("http://user:pass@proxy:3128", server).unwrap();
            proxy.unwrap().authorization().cloned()
        };
        let basic = HeaderValue::from_static("Basic dXNlcjpwYXNz");
        assert_eq!(authorization("http://hooks.example/"), Some(basic));
        assert_eq!(authorization("https://hooks.example/"), None);
    }

    #[test]
    fn a_socks_proxy_is_refused_and_an_excluded_server_needs_none() {
        let error = matching("socks5://proxy:1080", "https://hooks.example/").unwrap_err();
        assert!(error.to_string().contains("socks5://proxy:1080"), "{error}");
        let direct = matching("socks5://proxy:1080", "https://10.1.2.3/");
        assert!(direct.unwrap().is_none());
    }
}

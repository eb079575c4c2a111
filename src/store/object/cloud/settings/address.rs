//! The address of a server.

use http::Uri;
use rustls::ClientConfig;

use super::SettingsError;
use crate::http_client::{Trust, config};
use crate::store::object::cloud::transport::Transport;

/// The start of all URLs: a scheme, a host, perhaps a port and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(pub(super) Uri);

/// Whether connections are encrypted, where the address does not say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scheme {
    #[default]
    Https,
    Http,
}

/// The certificates of a server that are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Certificates {
    /// Those that the system trusts.
    #[default]
    Trusted,
    Any,
}

impl Address {
    /// Parses a URL or a bare host, with or without a port.
    pub(super) fn parse(text: &str, scheme: Scheme) -> Result<Self, SettingsError> {
        let invalid = || SettingsError::new(format!("the endpoint {text:?} is not a host or URL"));
        let url = match (text.contains("://"), scheme) {
            (true, _) => text.to_owned(),
            (false, Scheme::Https) => format!("https://{text}"),
            (false, Scheme::Http) => format!("http://{text}"),
        };
        let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| invalid())?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        match is_http && uri.host().is_some() && uri.query().is_none() {
            true => Ok(Self(uri)),
            false => Err(invalid()),
        }
    }

    /// Returns the same address with another host, which has this one as its end.
    pub(super) fn below(&self, name: &str) -> Result<Self, SettingsError> {
        let (scheme, rest) = self.text();
        Self::parse(&format!("{scheme}://{name}.{rest}"), Scheme::Https)
    }

    pub(super) fn url(&self) -> String {
        let (scheme, rest) = self.text();
        format!("{scheme}://{rest}")
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Returns the scheme, and the rest without a port that needs not be named: only
    /// some clients would sign it.
    fn text(&self) -> (&str, String) {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let host = self.0.host().unwrap_or_default();
        let path = self.0.path().trim_end_matches('/');
        let rest = match (scheme, self.0.port_u16()) {
            ("https", Some(443)) | ("http", Some(80)) | (_, None) => format!("{host}{path}"),
            (_, Some(port)) => format!("{host}:{port}{path}"),
        };
        (scheme, rest)
    }

    /// Returns what sends requests there.
    pub(super) fn transport(&self, certificates: Certificates) -> Result<Transport, SettingsError> {
        Transport::new(&self.0, &tls(certificates)?).map_err(SettingsError::new)
    }
}

pub(super) fn tls(certificates: Certificates) -> Result<ClientConfig, SettingsError> {
    let trust = match certificates {
        Certificates::Trusted => Trust::system(),
        Certificates::Any => Trust::Anyone,
    };
    config(trust, None).map_err(SettingsError::new)
}

/// Refuses names of buckets that would change the URL.
pub(super) fn bucket(name: &str) -> Result<&str, SettingsError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._$".contains(&byte);
    let is_bad = name.is_empty() || name.starts_with('.') || !name.bytes().all(is_allowed);
    match is_bad {
        true => Err(SettingsError::new(format!(
            "{name:?} is not the name of a bucket"
        ))),
        false => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str, scheme: Scheme) -> String {
        Address::parse(text, scheme).unwrap().url()
    }

    #[test]
    fn a_bare_host_is_reached_by_https_unless_disabled() {
        assert_eq!(url("minio.test", Scheme::Https), "https://minio.test");
        assert_eq!(
            url("minio.test:9000", Scheme::Http),
            "http://minio.test:9000"
        );
        assert_eq!(url("http://[::1]:9/", Scheme::Https), "http://[::1]:9");
        assert_eq!(
            url("https://minio.test/a/", Scheme::Http),
            "https://minio.test/a"
        );
    }

    #[test]
    fn a_default_port_is_left_out() {
        assert_eq!(url("minio.test:443", Scheme::Https), "https://minio.test");
        assert_eq!(url("minio.test:80", Scheme::Http), "http://minio.test");
        assert_eq!(url("minio.test:80", Scheme::Https), "https://minio.test:80");
    }

    #[test]
    fn other_schemes_and_texts_are_refused() {
        for text in ["", "ftp://minio.test", "https://", "a b", "https://a?b"] {
            let error = Address::parse(text, Scheme::Https).unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn a_bucket_has_no_part_of_a_url_in_its_name() {
        assert!(bucket("my-bucket.test_1").is_ok());
        for name in ["", ".", "..", "a/b", "a?b", "ä", "a b"] {
            assert!(bucket(name).is_err(), "{name}");
        }
    }
}

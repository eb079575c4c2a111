//! The address of the service.

use std::fmt;

use http::Uri;
use http::uri::Authority;
use tower_tus_layers::protocol::BoxError;

use super::Tls;
use crate::http_client::{Connect, Connector, Trust, config, connector};

/// An address, and how to connect to it.
#[derive(Clone)]
pub(super) struct Endpoint {
    origin: Uri,
    socket: Option<String>,
    connector: Connector,
}

impl Endpoint {
    /// Returns the scheme and authority of all calls.
    pub(super) const fn origin(&self) -> &Uri {
        &self.origin
    }

    pub(super) const fn connector(&self) -> &Connector {
        &self.connector
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(path) => write!(f, "unix:{path}"),
            None => self.origin.fmt(f),
        }
    }
}

pub(super) fn plain(address: &str) -> Result<Endpoint, BoxError> {
    // A Unix socket never uses TLS.
    let tls = config(Trust::nobody(), None)?;
    if let Some(path) = address.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return Ok(Endpoint {
            origin: Uri::from_static("http://localhost"),
            socket: Some(path.to_owned()),
            connector: connector(socket(path)?, tls),
        });
    }
    Ok(Endpoint {
        origin: format!("http://{}", authority(address)?).parse()?,
        socket: None,
        connector: connector(Connect::Direct, tls),
    })
}

pub(super) fn secure(address: &str, tls: &Tls) -> Result<Endpoint, BoxError> {
    Ok(Endpoint {
        origin: format!("https://{}", authority(address)?).parse()?,
        socket: None,
        connector: connector(Connect::Direct, tls.config()?),
    })
}

#[cfg(unix)]
fn socket(path: &str) -> Result<Connect, BoxError> {
    Ok(Connect::Socket(std::path::Path::new(path).into()))
}

#[cfg(not(unix))]
fn socket(_: &str) -> Result<Connect, BoxError> {
    Err("this system has no Unix sockets".into())
}

/// Parses a host and a port like gRPC's own clients.
fn authority(address: &str) -> Result<String, BoxError> {
    let stripped = ["dns:///", "dns:", "passthrough:///"]
        .iter()
        .find_map(|resolver| address.strip_prefix(resolver));
    let mut address = stripped.unwrap_or(address).to_owned();
    if address.starts_with(':') {
        address.insert_str(0, "localhost");
    }
    let authority: Authority = address
        .parse()
        .map_err(|_| format!("not a host and a port: {address}"))?;
    Ok(match authority.port() {
        Some(_) => address,
        None => format!("{address}:443"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_gos_client_takes() {
        for (address, uri) in [
            ("hooks:8000", "http://hooks:8000/"),
            (":8000", "http://localhost:8000/"),
            ("hooks", "http://hooks:443/"),
            ("[::1]:8000", "http://[::1]:8000/"),
            ("dns:///hooks:8000", "http://hooks:8000/"),
        ] {
            assert_eq!(plain(address).unwrap().to_string(), uri, "{address}");
        }
        for address in ["unix:/run/hooks", "unix:///run/hooks"] {
            assert_eq!(plain(address).unwrap().to_string(), "unix:/run/hooks");
        }
        for address in ["", "http://hooks:8000", "hooks:8000/path", "two words:1"] {
            assert!(plain(address).is_err(), "{address:?} was taken");
        }
    }
}

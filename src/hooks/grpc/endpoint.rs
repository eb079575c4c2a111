//! Where the service is.

use std::time::Duration;

use http::uri::Authority;
use tonic::transport::Endpoint;
use tower_tus_layers::protocol::BoxError;

use super::Tls;

/// Long enough for a connection, and short enough for another attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How soon the end of an idle connection is noticed. HTTP/2's own pings are none
/// that a service has to suffer: grpc-go takes more than one in five minutes for abuse.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

pub(super) fn plain(address: &str) -> Result<Endpoint, BoxError> {
    let endpoint = match address.starts_with("unix:") {
        true => Endpoint::from_shared(address.to_owned())?,
        false => Endpoint::from_shared(format!("http://{}", authority(address)?))?,
    };
    Ok(configured(endpoint))
}

pub(super) fn secure(address: &str, tls: &Tls) -> Result<Endpoint, BoxError> {
    let endpoint = Endpoint::from_shared(format!("https://{}", authority(address)?))?;
    tls.protect(configured(endpoint))
}

fn configured(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(Some(KEEP_ALIVE))
}

/// A host and a port, as gRPC's own clients take them.
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
            assert_eq!(plain(address).unwrap().uri().to_string(), uri, "{address}");
        }
        assert!(plain("unix:/run/hooks").is_ok());
        for address in ["", "http://hooks:8000", "hooks:8000/path", "two words:1"] {
            assert!(plain(address).is_err(), "{address:?} was taken");
        }
    }
}

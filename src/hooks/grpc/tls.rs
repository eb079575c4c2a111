//! The certificates of service and client.

use std::fmt;

use rustls::ClientConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower_tus_layers::protocol::BoxError;

use crate::http_client::{self, Identity, Trust};

/// Certificates of a gRPC service, and optionally of its client, in PEM.
#[derive(Clone)]
pub struct Tls {
    trusted: Vec<u8>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    /// Trusts a service with one of these certificates, or with one signed by them.
    /// The system's roots are not trusted.
    #[must_use]
    pub fn new(server_certificates: impl Into<Vec<u8>>) -> Self {
        Self {
            trusted: server_certificates.into(),
            identity: None,
        }
    }

    /// Authenticates to the service with these certificates, its own first (mTLS).
    #[must_use]
    pub fn identity(self, certificates: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self {
            identity: Some((certificates.into(), key.into())),
            ..self
        }
    }

    /// Converts the certificates and keys to a rustls configuration.
    pub(super) fn config(&self) -> Result<ClientConfig, BoxError> {
        let trust = Trust::only(certificates(&self.trusted)?)?;
        let identity = match &self.identity {
            Some((pem, key)) => Some(identity(pem, key)?),
            None => None,
        };
        let mut config = http_client::config(trust, identity)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

fn identity(pem: &[u8], key: &[u8]) -> Result<Identity, BoxError> {
    let certificates = certificates(pem)?;
    if certificates.is_empty() {
        return Err("the client's certificate is missing".into());
    }
    Ok((certificates, PrivateKeyDer::from_pem_slice(key)?))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}

/// Hides the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

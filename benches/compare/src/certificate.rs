//! A certificate for `localhost`: files for servers, and the trust of the client.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::Result;
use crate::options::Wire;

/// The name that the certificate is for.
pub(crate) const HOST: &str = "localhost";

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    file: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// Makes a certificate in a directory.
    pub(crate) fn make(dir: &Path) -> Result<Self> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()])?;
        let made = Self::in_dir(dir);
        std::fs::write(&made.file, cert.pem())?;
        std::fs::write(&made.key, signing_key.serialize_pem())?;
        Ok(made)
    }

    /// Names the certificate that was made in a directory.
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Self {
            file: dir.join("certificate.pem"),
            key: dir.join("key.pem"),
        }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn key(&self) -> &Path {
        &self.key
    }

    /// Returns the configuration of a client that trusts this certificate alone.
    pub(crate) fn client(&self, wire: Wire) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.file)?)?;
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn(wire);
        Ok(Arc::new(config))
    }

    /// Returns the configuration of a server.
    pub(crate) fn server(&self, wire: Wire) -> Result<Arc<ServerConfig>> {
        let chain = vec![CertificateDer::from_pem_file(&self.file)?];
        let key = PrivateKeyDer::from_pem_file(&self.key)?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = alpn(wire);
        Ok(Arc::new(config))
    }
}

fn alpn(wire: Wire) -> Vec<Vec<u8>> {
    let name = if wire.is_h2() { "h2" } else { "http/1.1" };
    vec![name.into()]
}

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::ring::{self, cipher_suite};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{Error, ServerConfig, SupportedProtocolVersion};

use super::files::{certificates, key};
use crate::go;

/// tusd's flags about TLS.
#[derive(Debug, Args)]
pub(crate) struct TlsFlags {
    /// File of a certificate in PEM, with those that lead from it to its root: HTTPS instead of HTTP
    #[arg(long, default_value = "", value_parser = go::path())]
    tls_certificate: PathBuf,

    /// File of the certificate's key in PEM, not encrypted
    #[arg(long, default_value = "", value_parser = go::path())]
    tls_key: PathBuf,

    /// Versions of TLS: tls13, tls12 (1.2 and 1.3) or tls12-strong (1.2 with AES-256 alone)
    #[arg(long, default_value = "tls12")]
    tls_mode: TlsMode,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TlsMode {
    Tls13,
    Tls12,
    Tls12Strong,
}

impl TlsFlags {
    /// Whether there is TLS, if it is right.
    pub(crate) fn are_set(&self) -> bool {
        is_set(&self.tls_certificate)
    }

    /// What shakes hands with clients, if there is TLS, or a sentence about what is wrong with it.
    pub(crate) fn acceptor(&self) -> Result<Option<TlsAcceptor>, String> {
        match (is_set(&self.tls_certificate), is_set(&self.tls_key)) {
            (false, false) => Ok(None),
            (true, true) => self.config().map(|config| Some(Arc::new(config).into())),
            // tusd would serve plain HTTP.
            (true, false) => Err("-tls-certificate needs a -tls-key".to_owned()),
            (false, true) => Err("-tls-key needs a -tls-certificate".to_owned()),
        }
    }

    fn config(&self) -> Result<ServerConfig, String> {
        let (certificate_file, key_file) = (self.tls_certificate.display(), self.tls_key.display());
        let chain = certificates(&self.tls_certificate)
            .map_err(|error| format!("-tls-certificate {certificate_file}: {error}"))?;
        let key = key(&self.tls_key).map_err(|error| format!("-tls-key {key_file}: {error}"))?;
        let mut config = ServerConfig::builder_with_provider(self.tls_mode.provider().into())
            .with_protocol_versions(&self.tls_mode.versions())
            .expect("each mode has ciphers for its versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| {
                let error = complaint(&error);
                format!("-tls-certificate {certificate_file} with -tls-key {key_file}: {error}")
            })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn complaint(error: &Error) -> String {
    match error {
        Error::InconsistentKeys(_) => "the key is another certificate's".to_owned(),
        // rustls would say that it is the peer's.
        Error::InvalidCertificate(error) => format!("the certificate is not valid: {error}"),
        error => error.to_string(),
    }
}

fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

impl TlsMode {
    fn versions(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::Tls13 => vec![&TLS13],
            Self::Tls12 => vec![&TLS12, &TLS13],
            Self::Tls12Strong => vec![&TLS12],
        }
    }

    /// The provider's own for 1.2 are those of tusd: ECDHE with AES-GCM or ChaCha20.
    fn provider(self) -> CryptoProvider {
        let mut provider = ring::default_provider();
        if matches!(self, Self::Tls12Strong) {
            provider.cipher_suites = vec![
                cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            ];
        }
        provider
    }
}

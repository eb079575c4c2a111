//! The server's side of TLS: certificate, key, versions and ciphers.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::ring::{self, cipher_suite};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{Error, ServerConfig, SupportedProtocolVersion};

use super::pem;
use crate::error::StartError;
use crate::flags::{TlsFlags, TlsMode};

/// HTTP/2 in the handshake. RFC 9113, section 3.1
pub(super) const HTTP2: &[u8] = b"h2";

/// Makes what accepts TLS handshakes, if TLS is on.
pub(crate) fn acceptor(flags: &TlsFlags) -> Result<Option<TlsAcceptor>, StartError> {
    let lacks = |text: &str| Err(StartError::Flags(text.to_owned()));
    let (certificate, key) = match (flags.certificate(), flags.key()) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        // tusd would serve plain HTTP.
        (Some(_), None) => return lacks("-tls-certificate needs -tls-key"),
        (None, Some(_)) => return lacks("-tls-key needs -tls-certificate"),
    };
    let certificate_flag = format!("-tls-certificate {}", certificate.display());
    let key_flag = format!("-tls-key {}", key.display());
    let chain = pem::certificates(certificate)
        .map_err(|error| StartError::unusable(&*certificate_flag, error))?;
    let key = pem::key(key).map_err(|error| StartError::unusable(&*key_flag, error))?;
    let mut config = ServerConfig::builder_with_provider(provider(flags.tls_mode).into())
        .with_protocol_versions(&versions(flags.tls_mode))
        .expect("each mode has ciphers for its versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| {
            let both = format!("{certificate_flag} with {key_flag}");
            StartError::unusable(both, complaint(&error))
        })?;
    config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config).into()))
}

fn complaint(error: &Error) -> String {
    match error {
        Error::InconsistentKeys(_) => "the key belongs to another certificate".to_owned(),
        // rustls would say that it is the peer's.
        Error::InvalidCertificate(error) => format!("the certificate is invalid: {error}"),
        error => error.to_string(),
    }
}

fn versions(mode: TlsMode) -> Vec<&'static SupportedProtocolVersion> {
    match mode {
        TlsMode::Tls13 => vec![&TLS13],
        TlsMode::Tls12 => vec![&TLS12, &TLS13],
        TlsMode::Tls12Strong => vec![&TLS12],
    }
}

/// The provider's ciphers for TLS 1.2 are tusd's: ECDHE with AES-GCM or ChaCha20.
fn provider(mode: TlsMode) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if mode == TlsMode::Tls12Strong {
        provider.cipher_suites = vec![
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        ];
    }
    provider
}

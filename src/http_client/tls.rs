//! Server certificates to trust, and the client certificate to present.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

/// A certificate with its chain, and the private key.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The servers to trust.
#[derive(Debug)]
pub(crate) enum Trust {
    /// Servers with one of these certificates, or with one that these have
    /// signed.
    Certificates {
        roots: RootCertStore,
        listed: Vec<CertificateDer<'static>>,
    },
    /// All servers.
    #[cfg(any(feature = "hooks-http", feature = "object-store"))]
    Anyone,
}

impl Trust {
    /// Trusts the root certificates of the system, or those of `SSL_CERT_FILE`
    /// and `SSL_CERT_DIR`. If there are none, no server is trusted.
    #[cfg(any(feature = "hooks-http", feature = "object-store"))]
    pub(crate) fn system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in found.errors {
            tracing::warn!(%error, "a root certificate of the system cannot be read");
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs.iter().cloned());
        Self::Certificates {
            roots,
            listed: found.certs,
        }
    }

    /// Trusts no server.
    #[cfg(feature = "hooks-grpc")]
    pub(crate) fn nobody() -> Self {
        Self::Certificates {
            roots: RootCertStore::empty(),
            listed: Vec::new(),
        }
    }

    /// Trusts these certificates only.
    ///
    /// # Errors
    ///
    /// Fails if there are none, or if one cannot be read.
    #[cfg(feature = "hooks-grpc")]
    pub(crate) fn only(listed: Vec<CertificateDer<'static>>) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in &listed {
            roots.add(certificate.clone())?;
        }
        if roots.is_empty() {
            return Err(Error::General("the server's certificate is missing".into()));
        }
        Ok(Self::Certificates { roots, listed })
    }
}

/// Configures TLS 1.2 and 1.3, with `identity` for servers that require a
/// client certificate. ALPN is not set.
///
/// # Errors
///
/// Fails if the identity has no certificate, or a key that does not match it.
pub(crate) fn config(trust: Trust, identity: Option<Identity>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trust, algorithms }));
    match identity {
        Some((certificates, key)) => config.with_client_auth_cert(certificates, key),
        None => Ok(config.with_no_client_auth()),
    }
}

/// Verifies like rustls, and also accepts listed self-signed certificates, like
/// Go.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (roots, listed) = match &self.trust {
            Trust::Certificates { roots, listed } => (roots, listed),
            #[cfg(any(feature = "hooks-http", feature = "object-store"))]
            Trust::Anyone => return Ok(ServerCertVerified::assertion()),
        };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        let signed = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            roots,
            intermediates,
            now,
            algorithms,
        );
        match signed {
            // `openssl req -x509` creates CA certificates. webpki rejects these
            // for servers, but only after all other checks. A certificate that
            // is listed itself needs no signature.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if listed.contains(end_entity) => {}
            signed => signed?,
        }
        verify_server_name(&certificate, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

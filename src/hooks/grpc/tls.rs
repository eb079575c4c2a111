//! Who may answer, and who calls.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tonic::transport::{ClientTlsConfig, Endpoint, Identity};
use tower_tus_layers::protocol::BoxError;

/// How a hook service proves what it is, and the server too if need be. All in PEM.
#[derive(Clone)]
pub struct Tls {
    trusted: Vec<u8>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    /// Trusts a service that has one of these certificates, or one that these
    /// have signed. Nothing else is trusted, not the system's roots either.
    #[must_use]
    pub fn new(server_certificates: impl Into<Vec<u8>>) -> Self {
        Self {
            trusted: server_certificates.into(),
            identity: None,
        }
    }

    /// Shows this certificate to the service, and those that have signed it (mTLS).
    #[must_use]
    pub fn identity(self, certificates: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self {
            identity: Some((certificates.into(), key.into())),
            ..self
        }
    }

    pub(super) fn protect(&self, endpoint: Endpoint) -> Result<Endpoint, BoxError> {
        let mut config = ClientTlsConfig::new();
        if let Some((certificates, key)) = &self.identity {
            config = config.identity(Identity::from_pem(certificates, key));
        }
        let verifier = Verifier::new(&self.trusted)?;
        Ok(endpoint.tls_config_with_verifier(config, Arc::new(verifier))?)
    }
}

/// Keys are secret.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// The usual verification, which here takes a self-signed certificate as Go does.
#[derive(Debug)]
struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(pem: &[u8]) -> Result<Self, BoxError> {
        let trusted: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let trusted = trusted?;
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            roots.add(certificate.clone())?;
        }
        if roots.is_empty() {
            return Err("the server's certificate is missing".into());
        }
        let provider = Arc::new(ring::default_provider());
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self {
            webpki: webpki.build()?,
            trusted,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = (self.webpki).verify_server_cert(end_entity, intermediates, name, ocsp, now);
        match verified {
            // `openssl req -x509` makes certificates that may sign others. webpki
            // wants no such one from a server, and says so when all but its name
            // is verified. Who was told to trust just this one need not mind.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if self.trusted.contains(end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

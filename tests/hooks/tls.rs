//! Hooks behind TLS.

use std::fs;
use std::sync::Arc;

use http::StatusCode;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, version};

use crate::receiver::{Call, Desk, status};
use crate::scene::{ALL_EVENTS, Scene};

/// Starts a server that speaks one version of TLS, and gives its port and its certificate.
async fn receiver(version: &'static SupportedProtocolVersion) -> (u16, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (desk, _) = Desk::new(Arc::new(|_: &Call, _| status(200)));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Clients that do not trust it go.
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(desk.clone().serve(stream));
            }
        }
    });
    (port, cert.pem())
}

#[tokio::test]
async fn a_certificate_has_to_be_vouched_for_unless_told_otherwise() {
    for version in [&version::TLS12, &version::TLS13] {
        let (port, certificate) = receiver(version).await;
        let roots = TempDir::new().unwrap();
        let root = roots.path().join("root.pem");
        fs::write(&root, certificate).unwrap();
        let root = [("SSL_CERT_FILE", root.to_str().unwrap())];
        let outcome = async |args: &[&str], environment: &[(&str, &str)]| {
            let hooks = format!("-hooks-http=https://localhost:{port}/");
            let args = [&[&*hooks, "-hooks-http-retry=1", ALL_EVENTS], args].concat();
            let scene = Scene::start(TempDir::new().unwrap(), &args, environment).await;
            let post = scene.tus.post().header("Upload-Length", "5");
            scene.tus.ask(post).await.status()
        };
        let unknown = outcome(&[], &[]).await;
        assert_eq!(unknown, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(outcome(&[], &root).await, StatusCode::CREATED);
        let anyone = ["-hooks-http-skip-verify"];
        assert_eq!(outcome(&anyone, &[]).await, StatusCode::CREATED);
        let explicitly = ["-hooks-http-skip-verify=false"];
        assert_eq!(
            outcome(&explicitly, &[]).await,
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}

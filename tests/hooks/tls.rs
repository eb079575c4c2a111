//! Hooks over TLS.

use std::fs;
use std::sync::Arc;

use http::{StatusCode, Version};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, version};

use crate::harness::patient;
use crate::receiver::{Call, Desk, status};
use crate::scene::{ALL_EVENTS, Scene};

/// A server with TLS.
struct Secure {
    port: u16,
    /// Its certificate in PEM.
    certificate: String,
    calls: mpsc::UnboundedReceiver<Call>,
}

impl Secure {
    /// Starts a server with a self-signed certificate, which may be a CA
    /// certificate.
    async fn start(name: &str, is_ca: IsCa, config: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::start_with(name, is_ca, &version::TLS13, config).await
    }

    async fn start_with(
        name: &str,
        is_ca: IsCa,
        version: &'static SupportedProtocolVersion,
        configure: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        configure(&mut config);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (desk, calls) = Desk::new(Arc::new(|_: &Call, _| status(200)));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Clients that do not trust the certificate disconnect.
                if let Ok(stream) = acceptor.accept(stream).await {
                    tokio::spawn(desk.clone().serve(stream));
                }
            }
        });
        Self {
            port,
            certificate: certificate.pem(),
            calls,
        }
    }

    fn hooks(&self) -> String {
        format!("-hooks-http=https://localhost:{}/", self.port)
    }
}

/// Returns the status of a creation whose hook is called once.
async fn outcome(args: &[&str], environment: &[(&str, &str)]) -> StatusCode {
    let args = [&["-hooks-http-retry=1", ALL_EVENTS], args].concat();
    let scene = Scene::start(TempDir::new().unwrap(), &args, environment).await;
    let post = scene.tus.post().header("Upload-Length", "5");
    scene.tus.ask(post).await.status()
}

/// Writes the certificate of `server` to a file.
fn roots(server: &Secure, home: &TempDir) -> String {
    let root = home.path().join("root.pem");
    fs::write(&root, &server.certificate).unwrap();
    root.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_certificate_has_to_be_vouched_for_unless_told_otherwise() {
    for version in [&version::TLS12, &version::TLS13] {
        let server = Secure::start_with("localhost", IsCa::NoCa, version, |_| ()).await;
        let home = TempDir::new().unwrap();
        let root = roots(&server, &home);
        let root = [("SSL_CERT_FILE", &*root)];
        let hooks = server.hooks();
        let unknown = outcome(&[&hooks], &[]).await;
        assert_eq!(unknown, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(outcome(&[&hooks], &root).await, StatusCode::CREATED);
        let anyone = [&*hooks, "-hooks-http-skip-verify"];
        assert_eq!(outcome(&anyone, &[]).await, StatusCode::CREATED);
        let explicitly = [&*hooks, "-hooks-http-skip-verify=false"];
        assert_eq!(
            outcome(&explicitly, &[]).await,
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}

#[tokio::test]
async fn a_listed_certificate_that_may_sign_others_is_trusted_for_its_own_name() {
    let authority = || IsCa::Ca(BasicConstraints::Unconstrained);
    for (name, expected) in [
        ("localhost", StatusCode::CREATED),
        ("elsewhere.example", StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let server = Secure::start(name, authority(), |_| ()).await;
        let home = TempDir::new().unwrap();
        let root = roots(&server, &home);
        let found = outcome(&[&server.hooks()], &[("SSL_CERT_FILE", &root)]).await;
        assert_eq!(found, expected, "{name}");
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_chooses_it() {
    for (protocol, version) in [("h2", Version::HTTP_2), ("http/1.1", Version::HTTP_11)] {
        let protocols = vec![protocol.as_bytes().to_vec()];
        let configure = |config: &mut ServerConfig| config.alpn_protocols = protocols;
        let mut server = Secure::start("localhost", IsCa::NoCa, configure).await;
        let found = outcome(&[&server.hooks(), "-hooks-http-skip-verify"], &[]).await;
        assert_eq!(found, StatusCode::CREATED);
        let call = patient(server.calls.recv()).await.unwrap();
        assert_eq!(call.request.version, version);
    }
}

/// Runs a proxy that connects every CONNECT to `port`, and reports the
/// requests.
async fn proxy(port: u16) -> (u16, mpsc::UnboundedReceiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let (sender, asked) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut client = BufReader::new(client);
                let mut head = Vec::new();
                loop {
                    let mut line = String::new();
                    client.read_line(&mut line).await.unwrap();
                    match line.trim_end() {
                        "" => break,
                        line => head.push(line.to_ascii_lowercase()),
                    }
                }
                sender.send(head).unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                // Either end may disconnect at any time.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (own, asked)
}

#[tokio::test]
async fn a_proxy_leads_to_a_server_behind_tls_and_does_not_see_the_event() {
    let server = Secure::start("hooks.example", IsCa::NoCa, |_| ()).await;
    let home = TempDir::new().unwrap();
    let root = roots(&server, &home);
    let (port, mut asked) = proxy(server.port).await;
    let proxy = format!("http://user:pass@127.0.0.1:{port}");
    let environment = [
        ("https_proxy", &*proxy),
        ("NO_PROXY", "a.example"),
        ("SSL_CERT_FILE", &*root),
    ];
    let hooks = "-hooks-http=https://hooks.example/a?secret=1";
    assert_eq!(outcome(&[hooks], &environment).await, StatusCode::CREATED);
    let head = patient(asked.recv()).await.unwrap();
    assert_eq!(head[0], "connect hooks.example:443 http/1.1");
    let credentials = "proxy-authorization: basic dxnlcjpwyxnz".to_owned();
    assert!(head.contains(&credentials), "{head:?}");
}

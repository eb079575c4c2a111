//! Certificates that are trusted, and client certificates that are accepted.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};
use tower_tus_layers::hooks::{Hooks, Reply};
use tower_tus_layers::protocol::BoxError;

use super::super::message::HookResponse;
use super::super::{GrpcHooks, Tls};
use super::post_finish;
use super::service::Running;

/// A certificate and its key.
struct Pair {
    certificate: String,
    key: String,
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

fn self_signed(params: &CertificateParams) -> Pair {
    let key = KeyPair::generate().unwrap();
    Pair {
        certificate: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// Builds a CA certificate, like `openssl req -x509`.
fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// Starts a service with the certificate `pair` that accepts clients signed by
/// `clients`.
async fn service(pair: &Pair, clients: Option<&str>) -> Running {
    let identity = Identity::from_pem(&pair.certificate, &pair.key);
    let mut tls = ServerTlsConfig::new().identity(identity);
    if let Some(clients) = clients {
        tls = tls.client_ca_root(Certificate::from_pem(clients));
    }
    let answer = || Ok(HookResponse::default());
    Running::start_at("127.0.0.1:0".parse().unwrap(), Some(tls), answer).await
}

async fn call(service: &Running, tls: &Tls) -> Result<Reply, BoxError> {
    let address = format!("localhost:{}", service.address.port());
    let hooks = GrpcHooks::secure(&address, tls)?.attempts(1);
    hooks.call(&post_finish()).await
}

#[tokio::test]
async fn a_service_with_the_certificate_is_trusted() {
    for params in [params("localhost"), authority("localhost")] {
        let pair = self_signed(&params);
        let service = service(&pair, None).await;
        call(&service, &Tls::new(pair.certificate)).await.unwrap();
    }
}

#[tokio::test]
async fn a_service_with_a_certificate_that_was_signed_is_trusted() {
    let issuer =
        CertifiedIssuer::self_signed(authority("ca"), KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params("localhost").signed_by(&key, &issuer).unwrap().pem();
    let key = key.serialize_pem();
    let service = service(&Pair { certificate, key }, None).await;
    call(&service, &Tls::new(issuer.pem())).await.unwrap();
}

#[tokio::test]
async fn any_other_service_is_not() {
    let mut expired = authority("localhost");
    expired.not_after = date_time_ymd(2020, 1, 1);
    let mut too_early = authority("localhost");
    too_early.not_before = date_time_ymd(4000, 1, 1);
    for params in [
        params("elsewhere.example"),
        authority("elsewhere.example"),
        expired,
        too_early,
    ] {
        let pair = self_signed(&params);
        let service = service(&pair, None).await;
        call(&service, &Tls::new(pair.certificate))
            .await
            .unwrap_err();
    }
    for params in [params("localhost"), authority("localhost")] {
        let service = service(&self_signed(&params), None).await;
        let another = self_signed(&params).certificate;
        call(&service, &Tls::new(another)).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_service_that_wants_to_know_who_calls_is_told() {
    let pair = self_signed(&params("localhost"));
    let client = self_signed(&params("client"));
    let service = service(&pair, Some(&client.certificate)).await;
    let tls = Tls::new(pair.certificate);
    call(&service, &tls).await.unwrap_err();
    let tls = tls.identity(client.certificate, client.key);
    call(&service, &tls).await.unwrap();
}

#[tokio::test]
async fn what_is_no_certificate_or_no_key_is_refused_at_once() {
    let pair = self_signed(&params("localhost"));
    let other = self_signed(&params("localhost"));
    let right = || Tls::new(pair.certificate.clone());
    GrpcHooks::secure("localhost:1", &right()).unwrap();
    for wrong in [
        Tls::new(""),
        Tls::new(pair.key.clone()),
        right().identity(pair.certificate.clone(), ""),
        right().identity("", pair.key.clone()),
        right().identity(pair.certificate.clone(), other.key),
    ] {
        GrpcHooks::secure("localhost:1", &wrong).unwrap_err();
    }
}

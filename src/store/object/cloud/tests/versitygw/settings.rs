//! Keys, buckets and certificates.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Gateway, put, text};
use crate::store::object::cloud::S3;
use crate::store::object::objects::{ObjectError, When};

#[tokio::test]
async fn wrong_keys_and_buckets_are_errors_with_the_servers_words() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let wrong = gateway.settings().keys("access", "wrong").open().unwrap();
    let error = put(&*wrong, "key", "a", When::Absent).await.unwrap_err();
    assert!(
        format!("{error:?}").contains("SignatureDoesNotMatch"),
        "{error:?}"
    );
    let error = wrong.list("", None).await.unwrap_err();
    assert!(
        format!("{error:?}").contains("SignatureDoesNotMatch"),
        "{error:?}"
    );
    let none = S3::new("none").endpoint(&gateway.address).without_tls();
    let none = none.keys("access", "secret").open().unwrap();
    let error = none.get("key", None).await.unwrap_err();
    assert!(matches!(error, ObjectError::Invalid(_)), "{error:?}");
}

#[tokio::test]
async fn a_certificate_has_to_be_trusted_unless_any_is_accepted() {
    let certificate = |root: &Path| {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (cert, key) = (root.join("cert.pem"), root.join("key.pem"));
        fs::write(&cert, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        vec![
            "--cert".to_owned(),
            text(cert),
            "--key".to_owned(),
            text(key),
        ]
    };
    let Some(gateway) = Gateway::start_with(certificate).await else {
        return;
    };
    let settings = S3::new("bucket").endpoint(&gateway.address);
    let settings = settings.keys("access", "secret");
    let trusting = settings.clone().accept_any_certificate().open().unwrap();
    put(&*trusting, "key", "a", When::Absent).await.unwrap();
    assert_eq!(text(&*trusting, "key").await, "a");
    assert_eq!(trusting.list("", None).await.unwrap().objects.len(), 1);
    let careful = settings.open().unwrap();
    let error = put(&*careful, "key", "a", When::Always).await.unwrap_err();
    assert!(format!("{error:?}").contains("certificate"), "{error:?}");
}

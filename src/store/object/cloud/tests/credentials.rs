//! Credentials that come from another server.

use std::fs;
use std::sync::Arc;

use tempfile::TempDir;

use super::s3::stored;
use super::script::{Seen, Server, says};
use crate::http_client::in_full;
use crate::store::object::cloud::credentials::Environment;
use crate::store::object::cloud::{Azure, S3};
use crate::store::object::objects::{ObjectError, Objects, Payload, Properties, When};

const KEYS: &str = "{\"AccessKeyId\": \"OF-AGENT\", \"SecretAccessKey\": \"secret\", \
                    \"Token\": \"to+ken\", \"Expiration\": \"2100-01-01T00:00:00Z\"}";

/// Returns a bucket whose keys the agent of a pod has.
fn bucket(server: &Server, agent: &str, home: &TempDir) -> Arc<dyn Objects> {
    let token = home.path().join("token");
    fs::write(&token, "of-pod").unwrap();
    let environment = Environment::of(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            token.to_str().unwrap(),
        ),
    ]);
    let settings = S3::new("bucket").endpoint(server.address()).without_tls();
    settings.open_with(&environment).unwrap()
}

#[tokio::test]
async fn the_agent_of_a_pod_is_asked_once_and_its_token_is_sent() {
    let list = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    let list = says(200, &[], list);
    let server = Server::start([stored(), list]).await;
    let agent = Server::start([says(503, &[], ""), says(200, &[], KEYS)]).await;
    let home = TempDir::new().unwrap();
    let bucket = bucket(&server, &format!("http://{}/v1", agent.address()), &home);
    let properties = Properties::default();
    let payload = Payload::from("abc");
    let put = bucket.put("key", payload, When::Absent, &properties).await;
    put.unwrap();
    bucket.list("", None).await.unwrap();

    let asked = agent.seen();
    assert_eq!(asked.len(), 2, "the first answer was a failure");
    assert_eq!(asked[1].path, "/v1");
    assert_eq!(asked[1].header("authorization"), Some("of-pod"));
    let [put, list] = server.seen().try_into().unwrap();
    let authorization = put.header("authorization").unwrap();
    assert!(
        authorization.contains("Credential=OF-AGENT/"),
        "{authorization}"
    );
    assert_eq!(put.header("x-amz-security-token"), Some("to+ken"));
    let credential = list.query("X-Amz-Credential").unwrap();
    assert!(credential.starts_with("OF-AGENT/"), "{credential}");
    assert_eq!(list.query("X-Amz-Security-Token"), Some("to+ken"));
}

#[tokio::test]
async fn without_an_agent_the_error_says_that_there_are_no_credentials() {
    let server = Server::start([]).await;
    let home = TempDir::new().unwrap();
    // Nobody listens there.
    let bucket = bucket(&server, "http://127.0.0.1:1/", &home);
    let error = bucket.list("", None).await.unwrap_err();
    let ObjectError::Unknown(error) = error else {
        panic!("{error:?}");
    };
    assert!(error.to_string().starts_with("no credentials"), "{error}");
    assert!(server.seen().is_empty());
}

/// Puts an object and lists the container, with a token that `authority` gives.
async fn use_container(authority: &Server, vars: &[(&str, &str)]) -> [Seen; 2] {
    let list = "<EnumerationResults><Blobs></Blobs></EnumerationResults>";
    let server = Server::start([stored(), says(200, &[], list)]).await;
    let url = format!("http://{}/", authority.address());
    let account = [
        ("AZURE_STORAGE_ACCOUNT", "account"),
        ("AZURE_AUTHORITY_HOST", &url),
        ("AZURE_CLIENT_ID", "of-app"),
    ];
    let environment = Environment::of(&[&account, vars].concat());
    let settings = Azure::new("bucket").endpoint(format!("http://{}", server.address()));
    let container = settings.open_with(&environment).unwrap();
    let (payload, none) = (Payload::from("abc"), Properties::default());
    let put = container.put("key", payload, When::Absent, &none).await;
    put.unwrap();
    container.list("", None).await.unwrap();
    server.seen().try_into().unwrap()
}

/// Checks that the crate's requests carry the token, and ours too.
fn assert_authorized(seen: [Seen; 2]) {
    for seen in seen {
        assert_eq!(seen.header("authorization"), Some("Bearer to.k-en"));
        assert!(seen.header("x-ms-version").is_some());
        assert!(seen.header("date").is_some());
    }
}

const TOKEN: &str = "{\"access_token\": \"to.k-en\", \"expires_in\": 3600}";

#[tokio::test]
async fn the_secret_of_an_application_gets_one_token() {
    let authority = Server::start([says(503, &[], ""), says(200, &[], TOKEN)]).await;
    let vars = [
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_SECRET", "a&b"),
    ];
    assert_authorized(use_container(&authority, &vars).await);
    let [_, asked] = authority.seen().try_into().unwrap();
    assert_eq!(asked.path, "/tenant/oauth2/v2.0/token");
    let body = asked.body();
    assert!(
        body.contains("client_id=of-app&client_secret=a%26b"),
        "{body}"
    );
    assert!(body.contains("scope=https%3A%2F%2Fstorage.azure.com%2F.default"));
}

#[tokio::test]
async fn the_token_of_a_workload_is_exchanged() {
    let authority = Server::start([says(200, &[], TOKEN)]).await;
    let home = TempDir::new().unwrap();
    let file = home.path().join("token");
    fs::write(&file, "of-pod").unwrap();
    let vars = [
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
    ];
    assert_authorized(use_container(&authority, &vars).await);
    let asked = authority.only();
    assert_eq!(asked.path, "/tenant/oauth2/v2.0/token");
    let body = asked.body();
    assert!(body.contains("client_assertion=of-pod"), "{body}");
}

#[tokio::test]
async fn the_identity_of_an_app_is_asked_for_a_token() {
    let token = "{\"access_token\": \"to.k-en\", \"expires_on\": \"4102444800\"}";
    let app = Server::start([says(200, &[], token)]).await;
    let endpoint = format!("http://{}/msi/token", app.address());
    let vars = [("IDENTITY_ENDPOINT", &*endpoint), ("IDENTITY_HEADER", "x")];
    assert_authorized(use_container(&app, &vars).await);
    let asked = app.only();
    assert_eq!((asked.method.as_str(), &*asked.path), ("GET", "/msi/token"));
    assert_eq!(asked.header("metadata"), Some("true"));
    assert_eq!(asked.query("client_id"), Some("of-app"));
    assert_eq!(asked.query("resource"), Some("https://storage.azure.com"));
}

#[tokio::test]
async fn the_error_of_an_authority_is_shown() {
    let refusal = "{\"error\": \"invalid_client\"}";
    let authority = Server::start([says(401, &[], refusal)]).await;
    let url = format!("http://{}", authority.address());
    let environment = Environment::of(&[
        ("AZURE_STORAGE_ACCOUNT", "account"),
        ("AZURE_AUTHORITY_HOST", &url),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_CLIENT_SECRET", "hidden"),
    ]);
    let container = Azure::new("bucket").open_with(&environment).unwrap();
    let error = container.list("", None).await.unwrap_err();
    let error = in_full(&error).to_string();
    assert!(error.contains("invalid_client"), "{error}");
    assert!(!error.contains("hidden"), "{error}");
}

//! Credentials that come from another server.

use std::fs;
use std::sync::Arc;

use tempfile::TempDir;

use super::s3::stored;
use super::script::{Server, says};
use crate::store::object::cloud::S3;
use crate::store::object::cloud::credentials::Environment;
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

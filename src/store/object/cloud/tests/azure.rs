//! Azure, whose parts are blocks.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::s3::{ODD, ODD_IN_PATHS, stored, tag};
use super::script::{Answer, Seen, Server, fails, says};
use crate::http_client::in_full;
use crate::store::object::cloud::credentials::Environment;
use crate::store::object::cloud::{Azure, ContainerAccess};
use crate::store::object::objects::{
    MultipartId, ObjectError, Objects, Payload, Properties, Storage, Tag, When,
};

fn settings(server: &Server) -> Azure {
    Azure::new("bucket")
        .account("account", BASE64_STANDARD.encode("key"))
        .endpoint(format!("http://{}", server.address()))
}

async fn with(answers: impl IntoIterator<Item = Answer>) -> (Server, Arc<dyn Objects>) {
    let server = Server::start(answers).await;
    let container = settings(&server).open().unwrap();
    (server, container)
}

#[tokio::test]
async fn it_says_where_it_is() {
    let (_server, container) = with([]).await;
    assert_eq!(*container.storage(), Storage::azure("bucket"));
}

fn none() -> MultipartId {
    MultipartId(String::new())
}

#[tokio::test]
async fn conditions_and_properties_are_headers_of_a_put() {
    let server = Server::start([stored(), stored(), fails(409, "BlobAlreadyExists")]).await;
    let container = settings(&server).open().unwrap();
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        storage_class: Some("Cool".to_owned()),
        metadata: [("a-name".to_owned(), "value".to_owned())].into(),
        ..Properties::default()
    };
    let put = |when| container.put(ODD, Payload::from("abc"), when, &properties);
    let expected = tag();
    assert_eq!(put(When::Match(&expected)).await.unwrap(), tag());
    assert_eq!(put(When::Absent).await.unwrap(), tag());
    let refused = put(When::Absent).await;
    assert!(matches!(refused, Err(ObjectError::Refused)));

    let [matched, absent, _] = server.seen().try_into().unwrap();
    for (name, value) in [
        ("if-match", "\"t\""),
        ("x-ms-blob-content-type", "text/plain"),
        ("x-ms-access-tier", "Cool"),
        ("x-ms-meta-a_name", "value"),
        ("x-ms-blob-type", "BlockBlob"),
    ] {
        assert_eq!(matched.header(name), Some(value), "{name}");
    }
    assert_eq!(absent.header("if-none-match"), Some("*"));
    let authorization = matched.header("authorization").unwrap();
    assert!(authorization.starts_with("SharedKey account:"));
}

#[tokio::test]
async fn an_object_is_committed_of_blocks_in_their_order_under_a_condition() {
    let server = Server::start([stored(), stored(), stored(), stored()]).await;
    let container = settings(&server).open().unwrap();
    let begun = container.begin(ODD, &Properties::default()).await.unwrap();
    let mut blocks = Vec::new();
    for number in [5, 40] {
        let block = container.put_part(ODD, &begun, number, Payload::from("abc"));
        blocks.push((number, block.await.unwrap()));
    }
    let completed = container.complete(ODD, &begun, &blocks, When::Absent).await;
    assert_eq!(completed.unwrap(), tag());
    let when = When::Match(&tag());
    container
        .complete(ODD, &begun, &blocks, when)
        .await
        .unwrap();

    let [first, second, absent, matched] = server.seen().try_into().unwrap();
    assert_ne!(first.query("blockid"), second.query("blockid"));
    let blocks = [first, second].map(|seen| {
        assert_eq!(seen.query("comp"), Some("block"));
        let id = seen.query("blockid").unwrap();
        format!("<Uncommitted>{id}</Uncommitted>")
    });
    assert!(
        absent.body().contains(&blocks.concat()),
        "{}",
        absent.body()
    );
    assert_eq!(
        (absent.method.as_str(), &*absent.path),
        ("PUT", ODD_IN_PATHS)
    );
    assert_eq!(absent.query("comp"), Some("blocklist"));
    assert_eq!(absent.header("if-none-match"), Some("*"));
    assert_eq!(absent.header("x-ms-access-tier"), None);
    assert!(
        absent
            .header("authorization")
            .unwrap()
            .starts_with("SharedKey account:")
    );
    assert_eq!(matched.header("if-match"), Some("\"t\""));
}

#[tokio::test]
async fn blocks_that_were_committed_before_are_not_found() {
    let (_server, container) = with([fails(400, "InvalidBlockList")]).await;
    let blocks = [(1, Tag("b".to_owned()))];
    let again = container
        .complete("key", &none(), &blocks, When::Always)
        .await;
    assert!(matches!(again, Err(ObjectError::NotFound)));
}

#[tokio::test]
async fn objects_of_blocks_get_their_properties_with_the_list() {
    let server = Server::start([stored()]).await;
    let container = settings(&server).open().unwrap();
    let pair = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        content_disposition: Some("attachment".to_owned()),
        cache_control: Some("no-store".to_owned()),
        storage_class: Some("Cool".to_owned()),
        metadata: pair("towertus", "nonce"),
        tags: pair("a key", "x"),
    };
    let begun = container.begin("key", &properties).await.unwrap();
    assert!(server.seen().is_empty(), "no request is needed");
    // Another process goes on, which knows the id alone.
    let blocks = [(1, Tag("b".to_owned()))];
    container
        .complete("key", &begun, &blocks, When::Absent)
        .await
        .unwrap();

    let seen = server.only();
    for (name, value) in [
        ("x-ms-blob-content-type", "text/plain"),
        ("x-ms-blob-content-disposition", "attachment"),
        ("x-ms-blob-cache-control", "no-store"),
        ("x-ms-access-tier", "Cool"),
        ("x-ms-meta-towertus", "nonce"),
        ("x-ms-tags", "a+key=x"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_property_that_no_header_can_have_is_refused_before_the_first_block() {
    let (server, container) = with([]).await;
    let properties = Properties {
        content_type: Some("text/\n".to_owned()),
        ..Properties::default()
    };
    let begun = container.begin("key", &properties).await;
    assert!(matches!(begun, Err(ObjectError::Invalid(_))));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_container_is_made_if_it_is_missing() {
    use ContainerAccess::{Blob, Container, Private};
    for (access, header) in [
        (Private, None),
        (Blob, Some("blob")),
        (Container, Some("container")),
    ] {
        let missing = fails(404, "ContainerNotFound");
        let server = Server::start([missing, says(201, &[], "")]).await;
        settings(&server).create_container(access).await.unwrap();
        let [list, made] = server.seen().try_into().unwrap();
        assert_eq!(list.query("comp"), Some("list"));
        assert_eq!((made.method.as_str(), &*made.path), ("PUT", "/bucket"));
        assert_eq!(made.query, [("restype".to_owned(), "container".to_owned())]);
        assert_eq!(made.header("x-ms-blob-public-access"), header);
        assert!(made.header("authorization").is_some());
    }
}

async fn create(answers: Vec<Answer>) -> (Result<(), String>, Vec<Seen>) {
    let server = Server::start(answers).await;
    let settings = settings(&server);
    let made = settings.create_container(ContainerAccess::Blob).await;
    (
        made.map_err(|error| in_full(&*error).to_string()),
        server.seen(),
    )
}

#[tokio::test]
async fn a_container_that_exists_is_left_alone() {
    let (made, seen) = create(vec![page(&["a"], "")]).await;
    assert_eq!((made, seen.len()), (Ok(()), 1));
    let missing = || fails(404, "ContainerNotFound");
    let (made, _) = create(vec![missing(), fails(409, "ContainerAlreadyExists")]).await;
    assert_eq!(made, Ok(()), "another server was faster");

    let (made, seen) = create(vec![fails(403, "AuthorizationFailure")]).await;
    assert!(made.unwrap_err().contains("AuthorizationFailure"));
    assert_eq!(seen.len(), 1);
    let (made, _) = create(vec![missing(), fails(409, "PublicAccessNotPermitted")]).await;
    assert!(made.unwrap_err().contains("PublicAccessNotPermitted"));
}

fn page(names: &[&str], marker: &str) -> Answer {
    let blob = |name: &&str| {
        format!(
            "<Blob><Name>{name}</Name><Properties>\
             <Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified>\
             <Content-Length>5</Content-Length></Properties></Blob>"
        )
    };
    let blobs: String = names.iter().map(blob).collect();
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults>\
         <Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    );
    says(200, &[], body)
}

#[tokio::test]
async fn a_list_begins_behind_a_key_also_where_the_server_begins_with_it() {
    let (server, container) = with([page(&["p/a", "p/b"], "")]).await;
    let list = container.list("p/", Some("p/a")).await.unwrap();
    let keys: Vec<_> = list.objects.iter().map(|object| &*object.key).collect();
    assert_eq!(keys, ["p/b"]);
    assert_eq!(list.objects[0].size, 5);
    assert!(list.objects[0].modified.is_some());
    assert!(!list.is_truncated);
    let seen = server.only();
    assert_eq!(seen.path, "/bucket");
    assert_eq!(seen.query("startFrom"), Some("p/a"));
    assert_eq!(seen.query("prefix"), Some("p/"));
}

#[tokio::test]
async fn a_list_goes_on_where_the_server_begins_at_the_first_key() {
    let (server, container) = with([page(&["a"], "m"), page(&["b", "c"], "n")]).await;
    let list = container.list("", Some("b")).await.unwrap();
    assert_eq!(list.objects[0].key, "c");
    assert!(list.is_truncated);
    assert_eq!(server.seen()[1].query("marker"), Some("m"));
}

#[tokio::test]
async fn removing_what_is_not_there_succeeds() {
    let (server, container) = with([says(202, &[], ""), fails(404, "BlobNotFound")]).await;
    container.delete(ODD).await.unwrap();
    container.delete("key").await.unwrap();
    container.abort("key", &none()).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.method.as_str(), &*seen.path),
        ("DELETE", ODD_IN_PATHS)
    );
}

#[tokio::test]
async fn a_missing_container_is_no_missing_object() {
    let missing = says(404, &[("x-ms-error-code", "ContainerNotFound")], "");
    let (_server, container) = with([missing]).await;
    let found = container.head("key").await;
    assert!(matches!(found, Err(ObjectError::Invalid(_))), "{found:?}");
}

#[tokio::test]
async fn a_url_to_download_an_object_replaces_no_headers() {
    let (_server, container) = with([]).await;
    let minute = Duration::from_secs(60);
    let content = Properties {
        content_type: Some("text/plain".to_owned()),
        ..Properties::default()
    };
    let url = container.presign("key", &content, minute).await.unwrap();
    assert_eq!(url, None);
    let content = Properties::default();
    let url = container.presign("key", &content, minute).await.unwrap();
    assert!(url.unwrap().contains("/bucket/key?"));
}

#[test]
fn the_account_is_in_the_environment() {
    let key = ("AZURE_STORAGE_KEY", "a2V5");
    let missing = Azure::new("bucket").open_with(&Environment::of(&[key]));
    let missing = missing.unwrap_err().to_string();
    assert_eq!(missing, "AZURE_STORAGE_ACCOUNT is missing");
    let environment = Environment::of(&[key, ("AZURE_STORAGE_ACCOUNT", "account")]);
    assert!(Azure::new("bucket").open_with(&environment).is_ok());
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let key = BASE64_STANDARD.encode("hidden");
    let settings = Azure::new("bucket").account("account", &key);
    let container = settings.open().unwrap();
    for debug in [format!("{settings:?}"), format!("{container:?}")] {
        // The first bytes of the key, as numbers.
        for secret in ["hidden", &key, "104, 105"] {
            assert!(!debug.contains(secret), "{debug}");
        }
    }
}

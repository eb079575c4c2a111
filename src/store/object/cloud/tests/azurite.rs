//! Azure against Azurite.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use object_store::client::{HttpRequest, HttpRequestBody};
use rustls::RootCertStore;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tower_tus_layers::protocol::{Body, Chunk, Length, Metadata, NewUpload};
use tower_tus_layers::store::{AppendOptions, Store};

use super::s3::ODD;
use super::services;
use crate::http_client::{Trust, config, in_full};
use crate::store::object::ObjectStore;
use crate::store::object::cloud::transport::Transport;
use crate::store::object::cloud::{Azure, ContainerAccess};
use crate::store::object::objects::{
    MultipartId, ObjectError, Objects, Payload, Properties, Result, Tag, When,
};

const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/azure/node_modules/.bin/azurite-blob"
);

/// The account that Azurite has, with the key that its documentation tells.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// An emulator with one container, which ends with the test.
pub(super) struct Emulator {
    endpoint: String,
    _root: TempDir,
    _process: Child,
}

impl Emulator {
    /// Starts an emulator, unless the program is missing.
    pub(super) async fn start() -> Option<Self> {
        let install = "npm install --prefix tests/azure";
        if !services::require("Azurite", Path::new(PROGRAM).exists(), install) {
            return None;
        }
        let root = TempDir::new().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let address = address.unwrap();
        let mut process = Command::new(PROGRAM)
            .args(["--blobPort", &address.port().to_string()])
            .args(["--silent", "--disableTelemetry", "--skipApiVersionCheck"])
            .arg("--location")
            .arg(root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        while TcpStream::connect(address).await.is_err() {
            assert!(process.try_wait().unwrap().is_none(), "Azurite ended");
            sleep(Duration::from_millis(10)).await;
        }
        let endpoint = format!("http://{address}/{ACCOUNT}");
        let emulator = Self {
            endpoint,
            _root: root,
            _process: process,
        };
        let made = emulator.settings("container");
        let made = made.create_container(ContainerAccess::Private).await;
        made.unwrap();
        Some(emulator)
    }

    pub(super) fn container(&self) -> Arc<dyn Objects> {
        self.settings("container").open().unwrap()
    }

    fn settings(&self, container: &str) -> Azure {
        let settings = Azure::new(container).account(ACCOUNT, KEY);
        settings.endpoint(&self.endpoint)
    }

    /// Whether a GET without credentials is answered.
    async fn is_public(&self, path: &str) -> bool {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = format!("{}/{path}", self.endpoint).parse().unwrap();
        let trust = Trust::Certificates {
            roots: RootCertStore::empty(),
            listed: Vec::new(),
        };
        let transport = Transport::direct(&config(trust, None).unwrap());
        let answer = transport.exchange(request).await;
        answer.unwrap().status().is_success()
    }
}

async fn put(container: &dyn Objects, key: &str, text: &str, when: When<'_>) -> Result<Tag> {
    let payload = Payload::from(text.to_owned());
    container
        .put(key, payload, when, &Properties::default())
        .await
}

#[tokio::test]
async fn a_container_is_made_with_its_access_unless_it_exists() {
    use ContainerAccess::{Blob, Container, Private};
    let Some(emulator) = Emulator::start().await else {
        return;
    };
    for (name, access, blob, list) in [
        ("private", Private, false, false),
        ("blobs", Blob, true, false),
        ("listed", Container, true, true),
    ] {
        let settings = emulator.settings(name);
        settings.create_container(access).await.unwrap();
        let container = settings.open().unwrap();
        put(&*container, "key", "a", When::Absent).await.unwrap();
        // It exists now, whatever its access is to be.
        settings.create_container(Private).await.unwrap();
        let found = emulator.is_public(&format!("{name}/key")).await;
        assert_eq!(found, blob, "{name}");
        let path = format!("{name}?restype=container&comp=list");
        assert_eq!(emulator.is_public(&path).await, list, "{name}");
    }
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put_and_is_removed() {
    let Some(emulator) = Emulator::start().await else {
        return;
    };
    let container = emulator.container();
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        metadata: [("nonce".to_owned(), "x".to_owned())].into(),
        ..Properties::default()
    };
    let payload = Payload::from("abcde");
    let put = container.put(ODD, payload, When::Absent, &properties).await;
    let object = container.get(ODD, Some(1..3)).await.unwrap();
    assert_eq!((&*object.bytes, object.found.size), (&b"bc"[..], 5));
    assert_eq!(object.found.tag, put.unwrap());
    assert_eq!(object.found.metadata["nonce"], "x");
    assert!(object.found.modified.is_some());

    container.delete(ODD).await.unwrap();
    container.delete(ODD).await.unwrap();
    let missing = container.head(ODD).await;
    assert!(matches!(missing, Err(ObjectError::NotFound)), "{missing:?}");
}

#[tokio::test]
async fn a_put_checks_its_condition() {
    let Some(emulator) = Emulator::start().await else {
        return;
    };
    let container = &*emulator.container();
    let first = put(container, "key", "1", When::Absent).await.unwrap();
    let again = put(container, "key", "2", When::Absent).await;
    assert!(matches!(again, Err(ObjectError::Refused)), "{again:?}");
    let second = put(container, "key", "2", When::Match(&first)).await;
    assert_ne!(second.unwrap(), first);
    let again = put(container, "key", "3", When::Match(&first)).await;
    assert!(matches!(again, Err(ObjectError::Refused)), "{again:?}");
    let missing = put(container, "none", "1", When::Match(&first)).await;
    assert!(matches!(missing, Err(ObjectError::Refused)), "{missing:?}");
}

#[tokio::test]
async fn blocks_are_joined_in_the_order_of_the_list_under_a_condition() {
    let Some(emulator) = Emulator::start().await else {
        return;
    };
    let container = &*emulator.container();
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        metadata: [("towertus".to_owned(), "x".to_owned())].into(),
        ..Properties::default()
    };
    let multipart = container.begin(ODD, &properties).await.unwrap();
    let mut parts = Vec::new();
    for (number, text) in [(9, "b"), (3, "a"), (20, "c")] {
        let part = container.put_part(ODD, &multipart, number, Payload::from(text));
        parts.push((number, part.await.unwrap()));
    }
    parts.sort_by_key(|(number, _)| *number);
    let tag = container
        .complete(ODD, &multipart, &parts, When::Absent)
        .await
        .unwrap();
    let object = container.get(ODD, None).await.unwrap();
    assert_eq!((&*object.bytes, &object.found.tag), (&b"abc"[..], &tag));
    assert_eq!(object.found.metadata["towertus"], "x");

    let again = complete_one(container, When::Absent).await;
    assert!(matches!(again, Err(ObjectError::Refused)), "{again:?}");
    complete_one(container, When::Match(&tag)).await.unwrap();
    let again = complete_one(container, When::Match(&tag)).await;
    assert!(matches!(again, Err(ObjectError::Refused)), "{again:?}");
}

#[tokio::test]
async fn a_whole_upload_is_finished_with_its_properties() {
    let Some(emulator) = Emulator::start().await else {
        return;
    };
    let container = emulator.container();
    let store = ObjectStore::over(Arc::clone(&container))
        .part_size(100)
        .cache_control("no-store")
        .metadata_keys(["file-name"]);
    for length in [5, 1_000] {
        let bytes = "x".repeat(length);
        let pairs = [("file-name", "Zoë"), ("filetype", "text/plain")];
        let metadata = Metadata::from_pairs(pairs).unwrap();
        let length = Length::saturating(length as u64);
        let mut new = NewUpload::new(Some(length), metadata);
        new.object.key = Some("by user/ä".to_owned());
        let mut handle = store.create(new).await.unwrap();
        let mut body = Body::from(bytes.clone());
        let appended = handle.append(Chunk::new(&mut body), AppendOptions::default());
        assert!(appended.await.error.is_none());
        handle.finish_and_record().await.unwrap();

        let object = container.get("by user/ä", None).await.unwrap();
        assert_eq!(object.bytes, bytes);
        let found = object.found.metadata;
        assert_eq!(found["file_name"], "=?UTF-8?B?Wm/Dqw==?=");
        let id = &handle.info().id;
        store.terminator().unwrap().terminate(id).await.unwrap();
        let left = container.list("", None).await.unwrap();
        assert!(left.objects.is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn a_tier_is_that_of_the_finished_object_and_not_of_the_state() {
    let Some(emulator) = Emulator::start().await else {
        return;
    };
    let container = emulator.container();
    let store = ObjectStore::over(Arc::clone(&container)).storage_class("Archive");
    assert_eq!(store.probe().await.unwrap(), []);
    let new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
    let id = store.create(new).await.unwrap().info().id.clone();
    let mut handle = store.open(&id).await.unwrap();
    let mut body = Body::from("abcde");
    let appended = handle.append(Chunk::new(&mut body), AppendOptions::default());
    assert!(appended.await.error.is_none());
    handle.finish_and_record().await.unwrap();
    assert!(store.open(&id).await.unwrap().info().is_finished());
    // Nobody reads what is in an archive.
    let archived = container.get(id.as_str(), None).await;
    let archived = in_full(&archived.unwrap_err()).to_string();
    assert!(archived.contains("BlobArchived"), "{archived}");
}

async fn complete_one(container: &dyn Objects, when: When<'_>) -> Result<Tag> {
    let multipart = MultipartId(String::new());
    let block = container.put_part(ODD, &multipart, 1, Payload::from("d"));
    let parts = [(1, block.await?)];
    container.complete(ODD, &multipart, &parts, when).await
}

#[tokio::test]
async fn blocks_that_were_joined_before_are_not_found() {
    let Some(emulator) = Emulator::start().await else {
        return;
    };
    let container = &*emulator.container();
    let multipart = MultipartId(String::new());
    let block = container.put_part("key", &multipart, 1, Payload::from("a"));
    let parts = [(1, block.await.unwrap())];
    let complete = || container.complete("key", &multipart, &parts, When::Always);
    complete().await.unwrap();
    let again = complete().await;
    assert!(matches!(again, Err(ObjectError::NotFound)), "{again:?}");
}

#[tokio::test]
async fn objects_are_listed_by_prefix_behind_a_key() {
    let Some(emulator) = Emulator::start().await else {
        return;
    };
    let container = &*emulator.container();
    for key in ["a", "p/a", "p/a b", "q"] {
        put(container, key, key, When::Absent).await.unwrap();
    }
    let list = container.list("p/", Some("p/a")).await.unwrap();
    let keys: Vec<_> = list.objects.iter().map(|object| &*object.key).collect();
    assert_eq!(keys, ["p/a b"]);
    assert_eq!(list.objects[0].size, 5);
    assert!(!list.is_truncated);
    assert_eq!(container.list("", None).await.unwrap().objects.len(), 4);
}

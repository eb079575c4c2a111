//! Google Cloud Storage, whose dialect of S3 has its own headers.

use std::sync::Arc;

use tempfile::TempDir;

use super::s3::{ODD, ODD_IN_PATHS};
use super::script::{Answer, Server, fails, says};
use crate::store::object::cloud::Gcs;
use crate::store::object::cloud::credentials::Environment;
use crate::store::object::objects::{
    MultipartId, ObjectError, Objects, Payload, Properties, Storage, Tag, When,
};

/// A service account that needs no token.
const ACCOUNT: &str = "{\"private_key\": \"k\", \"private_key_id\": \"i\", \
                       \"client_email\": \"e\", \"disable_oauth\": true}";

async fn with(answers: impl IntoIterator<Item = Answer>) -> (Server, Arc<dyn Objects>) {
    let server = Server::start(answers).await;
    let home = TempDir::new().unwrap();
    let file = home.path().join("account.json");
    std::fs::write(&file, ACCOUNT).unwrap();
    let environment = Environment::of(&[("GCS_SERVICE_ACCOUNT_FILE", file.to_str().unwrap())]);
    let settings = Gcs::new("bucket").endpoint(format!("http://{}", server.address()));
    let bucket = settings.open_with(&environment).unwrap();
    (server, bucket)
}

#[tokio::test]
async fn it_says_where_it_is() {
    let (_server, bucket) = with([]).await;
    assert_eq!(*bucket.storage(), Storage::gcs("bucket"));
}

fn generation() -> Tag {
    Tag("17".to_owned())
}

fn stored() -> Answer {
    says(200, &[("etag", "\"e\""), ("x-goog-generation", "17")], "")
}

#[tokio::test]
async fn an_object_is_told_from_others_by_its_generation() {
    let headers = [
        ("etag", "\"e\""),
        ("x-goog-generation", "17"),
        ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("x-goog-meta-towertus", "nonce"),
    ];
    let (_server, bucket) = with([says(200, &headers, "abc")]).await;
    let object = bucket.get("key", None).await.unwrap();
    assert_eq!((object.found.tag, object.found.size), (generation(), 3));
    assert_eq!(object.found.metadata["towertus"], "nonce");
}

#[tokio::test]
async fn a_condition_of_a_put_is_a_generation_and_it_is_sent_once() {
    let refused = fails(412, "PreconditionFailed");
    let (server, bucket) = with([stored(), stored(), refused, fails(503, "")]).await;
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        storage_class: Some("NEARLINE".to_owned()),
        metadata: [("name".to_owned(), "value".to_owned())].into(),
        ..Properties::default()
    };
    let put = |when| bucket.put(ODD, Payload::from("abc"), when, &properties);
    let tag = generation();
    assert_eq!(put(When::Absent).await.unwrap(), tag);
    assert_eq!(put(When::Match(&tag)).await.unwrap(), tag);
    let refused = put(When::Match(&tag)).await;
    assert!(matches!(refused, Err(ObjectError::Refused)));
    let unknown = put(When::Absent).await;
    assert!(matches!(unknown, Err(ObjectError::Unknown(_))));

    let [absent, matched, ..] = <[_; 4]>::try_from(server.seen()).unwrap();
    for (name, value) in [
        ("x-goog-if-generation-match", "0"),
        ("content-type", "text/plain"),
        ("x-goog-storage-class", "NEARLINE"),
        ("x-goog-meta-name", "value"),
    ] {
        assert_eq!(absent.header(name), Some(value), "{name}");
    }
    assert_eq!(matched.header("x-goog-if-generation-match"), Some("17"));
    // The crate escapes more than it has to.
    let path = absent.path.replace("%2F", "/").replace("%7E", "~");
    assert_eq!(path, ODD_IN_PATHS);
}

#[tokio::test]
async fn tags_are_refused() {
    let (server, bucket) = with([]).await;
    let properties = Properties {
        tags: [("a".to_owned(), "b".to_owned())].into(),
        ..Properties::default()
    };
    let begin = bucket.begin("key", &properties).await;
    assert!(matches!(begin, Err(ObjectError::Invalid(_))));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_completion_has_no_condition_and_tells_the_generation() {
    let body = "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";
    let done = says(200, &[("x-goog-generation", "17")], body);
    let (server, bucket) = with([done]).await;
    assert!(!bucket.rules().conditional_complete);
    let parts = [(2, Tag("\"p\"".to_owned()))];
    let multipart = MultipartId("u".to_owned());
    let completed = bucket.complete(ODD, &multipart, &parts, When::Absent).await;
    assert_eq!(completed.unwrap(), generation());
    let seen = server.only();
    assert_eq!((seen.method.as_str(), &*seen.path), ("POST", ODD_IN_PATHS));
    assert_eq!(seen.query("uploadId"), Some("u"));
    assert_eq!(seen.header("if-none-match"), None);
    assert!(seen.header("authorization").unwrap().starts_with("Bearer"));
    assert!(seen.body().contains("<PartNumber>2</PartNumber>"));
}

#[tokio::test]
async fn lists_and_multipart_uploads_are_those_of_s3() {
    let objects = "<ListBucketResult><IsTruncated>true</IsTruncated>\
        <Contents><Key>p/a</Key><Size>5</Size></Contents></ListBucketResult>";
    let multiparts = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>p/b</Key>\
        <UploadId>u</UploadId></Upload></ListMultipartUploadsResult>";
    let (server, bucket) = with([says(200, &[], objects), says(200, &[], multiparts)]).await;
    let page = bucket.list("p/", Some("p/ ")).await.unwrap();
    assert_eq!(page.objects[0].key, "p/a");
    assert!(page.is_truncated);
    let page = bucket.multiparts("p/", None).await.unwrap();
    assert_eq!(page.multiparts[0].key, "p/b");
    let [list, multiparts] = server.seen().try_into().unwrap();
    assert_eq!(list.path, "/bucket");
    assert_eq!(list.query("start-after"), Some("p/ "));
    assert_eq!(multiparts.query("uploads"), Some(""));
}

#[tokio::test]
async fn a_part_is_not_copied() {
    let (server, bucket) = with([]).await;
    assert!(!bucket.rules().copies_parts);
    let multipart = MultipartId("u".to_owned());
    let copied = bucket.copy_part("key", &multipart, 1, "source", 0..5).await;
    assert!(matches!(copied, Err(ObjectError::Invalid(_))));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn removing_what_is_not_there_succeeds() {
    let (server, bucket) = with([fails(404, "NoSuchKey"), fails(404, "NoSuchUpload")]).await;
    bucket.delete("key").await.unwrap();
    let multipart = MultipartId("u".to_owned());
    bucket.abort("key", &multipart).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error() {
    let environment = Environment::of(&[("GOOGLE_APPLICATION_CREDENTIALS", "/missing.json")]);
    let error = Gcs::new("bucket").open_with(&environment).unwrap_err();
    assert!(error.to_string().contains("/missing.json"), "{error}");
}

//! The calls of S3 that the crate `object_store` makes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::script::{Answer, Server, fails, says};
use crate::store::object::cloud::S3;
use crate::store::object::objects::{
    Call, MultipartId, ObjectError, Objects, Payload, Properties, Storage, Tag, Watch, Watched,
    When,
};

/// A key with characters that URLs escape.
pub(super) const ODD: &str = "a b/\u{fc}+%~(1)=&?#!$'*,;:@";
pub(super) const ODD_IN_PATHS: &str =
    "/bucket/a%20b/%C3%BC%2B%25~%281%29%3D%26%3F%23%21%24%27%2A%2C%3B%3A%40";

fn settings(server: &Server) -> S3 {
    S3::new("bucket")
        .endpoint(server.address())
        .without_tls()
        .keys("AKIA", "secret")
}

fn bucket(server: &Server) -> Arc<dyn Objects> {
    settings(server).open().unwrap()
}

pub(super) async fn with(answers: impl IntoIterator<Item = Answer>) -> (Server, Arc<dyn Objects>) {
    let server = Server::start(answers).await;
    let bucket = bucket(&server);
    (server, bucket)
}

#[tokio::test]
async fn it_says_where_it_is() {
    let (_server, bucket) = with([]).await;
    assert_eq!(*bucket.storage(), Storage::s3("bucket"));
}

pub(super) fn tag() -> Tag {
    Tag("\"t\"".to_owned())
}

pub(super) fn stored() -> Answer {
    says(200, &[("etag", "\"t\"")], "")
}

async fn put(bucket: &dyn Objects, when: When<'_>) -> Result<Tag, ObjectError> {
    let properties = Properties::default();
    bucket
        .put("key", Payload::from("abc"), when, &properties)
        .await
}

#[tokio::test]
async fn an_object_comes_with_its_size_time_and_metadata() {
    let headers = [
        ("etag", "\"t\""),
        ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("content-range", "bytes 2-4/10"),
        ("x-amz-meta-towertus", "nonce"),
    ];
    let (server, bucket) = with([says(206, &headers, "cde")]).await;
    let object = bucket.get("key", Some(2..5)).await.unwrap();
    assert_eq!(object.bytes, "cde");
    assert_eq!((object.found.tag, object.found.size), (tag(), 10));
    assert_eq!(object.found.metadata["towertus"], "nonce");
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    assert_eq!(object.found.modified, Some(modified));
    let seen = server.only();
    assert_eq!((seen.method.as_str(), &*seen.path), ("GET", "/bucket/key"));
    assert_eq!(seen.header("range"), Some("bytes=2-4"));
    let authorization = seen.header("authorization").unwrap();
    assert!(
        authorization.contains("Credential=AKIA/"),
        "{authorization}"
    );
}

#[tokio::test]
async fn head_reads_no_bytes() {
    let headers = [("etag", "\"t\""), ("content-length", "10")];
    let (server, bucket) = with([says(200, &headers, "")]).await;
    let found = bucket.head("key").await.unwrap();
    assert_eq!((found.tag, found.size, found.modified), (tag(), 10, None));
    assert_eq!(server.only().method, "HEAD");
}

#[tokio::test]
async fn a_missing_object_is_not_found() {
    let (_server, bucket) = with([fails(404, "NoSuchKey"), says(404, &[], "")]).await;
    assert!(matches!(
        bucket.get("key", None).await,
        Err(ObjectError::NotFound)
    ));
    assert!(matches!(
        bucket.head("key").await,
        Err(ObjectError::NotFound)
    ));
}

#[tokio::test]
async fn conditions_and_properties_are_headers_of_a_put() {
    let (server, bucket) = with([stored(), stored(), stored()]).await;
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        content_disposition: Some("inline".to_owned()),
        cache_control: Some("no-store".to_owned()),
        storage_class: Some("STANDARD_IA".to_owned()),
        metadata: [("name".to_owned(), "value".to_owned())].into(),
        tags: [("a b".to_owned(), "c&d".to_owned())].into(),
    };
    let pieces = ["ab", "c"].map(bytes::Bytes::from);
    let payload: Payload = pieces.into_iter().collect();
    let when = When::Match(&tag());
    assert_eq!(
        bucket.put(ODD, payload, when, &properties).await.unwrap(),
        tag()
    );
    put(&*bucket, When::Absent).await.unwrap();
    put(&*bucket, When::Always).await.unwrap();

    let [matched, absent, always] = server.seen().try_into().unwrap();
    assert_eq!(
        (matched.method.as_str(), &*matched.path),
        ("PUT", ODD_IN_PATHS)
    );
    assert_eq!(matched.body(), "abc");
    for (name, value) in [
        ("if-match", "\"t\""),
        ("content-type", "text/plain"),
        ("content-disposition", "inline"),
        ("cache-control", "no-store"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-meta-name", "value"),
        ("x-amz-tagging", "a+b=c%26d"),
    ] {
        assert_eq!(matched.header(name), Some(value), "{name}");
    }
    assert_eq!(absent.header("if-none-match"), Some("*"));
    assert_eq!(always.header("if-none-match"), None);
    assert_eq!(always.header("if-match"), None);
}

#[tokio::test]
async fn a_property_that_cannot_be_a_header_is_refused() {
    let (server, bucket) = with([]).await;
    for (name, value) in [("name", "a\nb"), ("na me", "value")] {
        let metadata = [(name.to_owned(), value.to_owned())].into();
        let properties = Properties {
            metadata,
            ..Properties::default()
        };
        let put = bucket.put("key", Payload::from("a"), When::Always, &properties);
        assert!(matches!(put.await, Err(ObjectError::Invalid(_))));
        let begin = bucket.begin("key", &properties).await;
        assert!(matches!(begin, Err(ObjectError::Invalid(_))));
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_key_that_would_become_another_one_is_refused() {
    let (server, bucket) = with([]).await;
    for key in ["/a", "a/", "a//b", "a/../b", "."] {
        let found = bucket.head(key).await;
        assert!(matches!(found, Err(ObjectError::Invalid(_))), "{key}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_conditional_put_is_sent_once() {
    let answers = [
        fails(412, "PreconditionFailed"),
        fails(409, "ConditionalRequestConflict"),
        fails(503, "SlowDown"),
        fails(500, "InternalError"),
        Answer::Nothing,
        fails(404, "NoSuchKey"),
    ];
    let (server, bucket) = with(answers).await;
    let refused = put(&*bucket, When::Absent).await;
    assert!(matches!(refused, Err(ObjectError::Refused)));
    let conflict = put(&*bucket, When::Match(&tag())).await;
    assert!(matches!(conflict, Err(ObjectError::Busy(_))));
    let slow = put(&*bucket, When::Absent).await;
    assert!(matches!(slow, Err(ObjectError::Busy(_))));
    for _ in 0..2 {
        let unknown = put(&*bucket, When::Absent).await;
        assert!(matches!(unknown, Err(ObjectError::Unknown(_))));
    }
    let missing = put(&*bucket, When::Match(&tag())).await;
    assert!(matches!(missing, Err(ObjectError::Refused)));
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn other_calls_are_retried_twice() {
    let answers = [Answer::Nothing, fails(503, "SlowDown"), stored()];
    let (server, bucket) = with(answers).await;
    put(&*bucket, When::Always).await.unwrap();
    assert_eq!(server.seen().len(), 3);

    let answers = [503, 503, 503].map(|status| says(status, &[], "busy"));
    let (server, bucket) = with(answers).await;
    let unknown = put(&*bucket, When::Always).await;
    assert!(matches!(unknown, Err(ObjectError::Unknown(_))));
    assert_eq!(server.seen().len(), 3);
}

#[derive(Debug, Default)]
struct Retries(Mutex<Vec<u32>>);

impl Watch for Retries {
    fn ended(&self, call: &Call<'_>) {
        self.0.lock().unwrap().push(call.retries);
    }
}

#[tokio::test]
async fn retries_are_counted_for_all_who_watch() {
    let list = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    let (_server, bucket) = with([
        says(503, &[], ""),
        Answer::Nothing,
        stored(),
        says(503, &[], ""),
        says(200, &[], list),
        fails(404, "NoSuchKey"),
    ])
    .await;
    let watches = [(); 2].map(|()| Arc::new(Retries::default()));
    let [inner, outer] = watches.clone();
    let bucket = Watched::new(Arc::new(Watched::new(bucket, inner)), outer);
    put(&bucket, When::Always).await.unwrap();
    bucket.list("", None).await.unwrap();
    bucket.head("key").await.unwrap_err();
    for watch in watches {
        assert_eq!(*watch.0.lock().unwrap(), [2, 1, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_go_on_leaves_the_call_unknown() {
    let server = Server::start([Answer::Never]).await;
    let bucket = bucket(&server);
    let unknown = put(&*bucket, When::Always).await;
    let Err(ObjectError::Unknown(error)) = unknown else {
        panic!("{unknown:?}");
    };
    assert_eq!(error.to_string(), "no answer for 15 seconds");
    assert_eq!(server.seen().len(), 1, "it is too late for a retry");
}

#[tokio::test]
async fn the_bytes_are_hashed_without_tls_unless_disabled() {
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let server = Server::start([stored(), stored()]).await;
    put(&*bucket(&server), When::Always).await.unwrap();
    let unhashed = settings(&server).without_content_hashes().open().unwrap();
    put(&*unhashed, When::Always).await.unwrap();
    let [hashed, unhashed] = server.seen().try_into().unwrap();
    let name = "x-amz-content-sha256";
    assert_eq!(hashed.header(name), Some(hash));
    assert_eq!(unhashed.header(name), Some("UNSIGNED-PAYLOAD"));
}

#[tokio::test]
async fn nothing_secret_is_in_debug_output() {
    let (_server, bucket) = with([]).await;
    assert!(!format!("{bucket:?}").contains("secret"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_object() {
    let cut = || says(200, &[("etag", "\"t\""), ("content-length", "10")], "abc");
    let whole = says(200, &[("etag", "\"t\"")], "abcdefghij");
    let (server, bucket) = with([cut(), whole, cut(), cut(), cut()]).await;
    let object = bucket.get("key", None).await.unwrap();
    assert_eq!(object.bytes, "abcdefghij");
    let unknown = bucket.get("key", None).await;
    assert!(
        matches!(unknown, Err(ObjectError::Unknown(_))),
        "{unknown:?}"
    );
    assert_eq!(server.seen().len(), 5);
}

#[tokio::test]
async fn an_error_says_what_the_server_said() {
    let (_server, bucket) = with([fails(403, "AccessDenied")]).await;
    let Err(ObjectError::Invalid(error)) = put(&*bucket, When::Always).await else {
        panic!("the call was done");
    };
    let expected = "the server answered 403 Forbidden: AccessDenied: It is AccessDenied.";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_server_that_nobody_runs_gives_no_answer() {
    let server = Server::start([]).await;
    let bucket = bucket(&server);
    drop(server);
    tokio::task::yield_now().await;
    let unknown = put(&*bucket, When::Absent).await;
    assert!(
        matches!(unknown, Err(ObjectError::Unknown(_))),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn removing_what_is_not_there_succeeds() {
    let answers = [
        says(204, &[], ""),
        fails(404, "NoSuchKey"),
        fails(404, "NoSuchUpload"),
    ];
    let (server, bucket) = with(answers).await;
    bucket.delete(ODD).await.unwrap();
    bucket.delete("key").await.unwrap();
    let multipart = MultipartId("u+/=".to_owned());
    bucket.abort("key", &multipart).await.unwrap();
    let [odd, _, abort] = server.seen().try_into().unwrap();
    assert_eq!((odd.method.as_str(), &*odd.path), ("DELETE", ODD_IN_PATHS));
    assert_eq!(abort.method, "DELETE");
    assert_eq!(abort.query("uploadId"), Some("u+/="));
}

#[tokio::test]
async fn parts_have_the_numbers_of_the_caller() {
    let begun = "<InitiateMultipartUploadResult><UploadId>u</UploadId>\
                 </InitiateMultipartUploadResult>";
    let (server, bucket) = with([says(200, &[], begun), stored()]).await;
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        ..Properties::default()
    };
    let multipart = bucket.begin("key", &properties).await.unwrap();
    assert_eq!(multipart.0, "u");
    let part = bucket.put_part("key", &multipart, 17, Payload::from("abc"));
    assert_eq!(part.await.unwrap(), tag());
    let [begin, part] = server.seen().try_into().unwrap();
    assert_eq!(begin.method, "POST");
    assert_eq!(begin.query("uploads"), Some(""));
    assert_eq!(begin.header("content-type"), Some("text/plain"));
    assert_eq!(part.query("partNumber"), Some("17"));
    assert_eq!(part.query("uploadId"), Some("u"));
    assert_eq!(part.body(), "abc");
}

#[tokio::test]
async fn encryption_is_asked_for_at_each_object() {
    let keys = [None, Some("arn:key")];
    for (kind, key) in ["AES256", "aws:kms"].into_iter().zip(keys) {
        let begun = "<InitiateMultipartUploadResult><UploadId>u</UploadId>\
                     </InitiateMultipartUploadResult>";
        let server = Server::start([stored(), says(200, &[], begun)]).await;
        let settings = match key {
            Some(key) => settings(&server).encrypt_with_kms(key),
            None => settings(&server).encrypt(),
        };
        let bucket = settings.open().unwrap();
        put(&*bucket, When::Absent).await.unwrap();
        bucket.begin("key", &Properties::default()).await.unwrap();
        for seen in server.seen() {
            assert_eq!(seen.header("x-amz-server-side-encryption"), Some(kind));
            let found = seen.header("x-amz-server-side-encryption-aws-kms-key-id");
            assert_eq!(found, key);
        }
    }
}

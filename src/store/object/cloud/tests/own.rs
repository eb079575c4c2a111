//! The calls of S3 that are requests of our own.

use std::time::{Duration, SystemTime};

use super::s3::{ODD, ODD_IN_PATHS, tag, with};
use super::script::{Answer, fails, says};
use crate::store::object::objects::{
    Multipart, MultipartId, ObjectError, PartNumber, Properties, Tag, When,
};

fn u() -> MultipartId {
    MultipartId("u".to_owned())
}

fn completed() -> Answer {
    // S3 sends spaces while it joins parts.
    let body = " \n <?xml version=\"1.0\"?><CompleteMultipartUploadResult xmlns=\"x\">\
                <ETag>&quot;t&quot;</ETag></CompleteMultipartUploadResult>";
    says(200, &[], body)
}

fn parts() -> Vec<(PartNumber, Tag)> {
    vec![(1, Tag("\"a&b\"".to_owned())), (17, tag())]
}

#[tokio::test]
async fn an_object_is_completed_of_parts_with_gaps_under_a_condition() {
    let (server, bucket) = with([completed(), completed(), completed()]).await;
    let match_tag = tag();
    for when in [When::Absent, When::Match(&match_tag), When::Always] {
        let completed = bucket.complete(ODD, &u(), &parts(), when).await;
        assert_eq!(completed.unwrap(), tag());
    }
    let [absent, matched, always] = server.seen().try_into().unwrap();
    assert_eq!(
        (absent.method.as_str(), &*absent.path),
        ("POST", ODD_IN_PATHS)
    );
    assert_eq!(absent.query("uploadId"), Some("u"));
    let expected = "<CompleteMultipartUpload>\
        <Part><PartNumber>1</PartNumber><ETag>\"a&amp;b\"</ETag></Part>\
        <Part><PartNumber>17</PartNumber><ETag>\"t\"</ETag></Part>\
        </CompleteMultipartUpload>";
    assert_eq!(absent.body(), expected);
    assert_eq!(absent.header("if-none-match"), Some("*"));
    assert_eq!(
        absent.query("X-Amz-SignedHeaders"),
        Some("host;if-none-match")
    );
    assert!(absent.query("X-Amz-Signature").is_some());
    assert_eq!(matched.header("if-match"), Some("\"t\""));
    assert_eq!(always.query("X-Amz-SignedHeaders"), Some("host"));
}

#[tokio::test]
async fn a_completion_may_fail_after_its_status() {
    let error = |code: &str| {
        let body = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code></Error>");
        says(200, &[], body)
    };
    let answers = [
        error("InternalError"),
        error("SlowDown"),
        error("PreconditionFailed"),
        error("NoSuchUpload"),
        error("InvalidPart"),
        says(200, &[], "<cut"),
        says(200, &[], ""),
    ];
    let (server, bucket) = with(answers).await;
    let mut failed = Vec::new();
    for _ in 0..7 {
        let failure = bucket.complete("key", &u(), &parts(), When::Absent).await;
        failed.push(failure.unwrap_err());
    }
    use ObjectError::{Busy, Invalid, NotFound, Refused, Unknown};
    let [internal, slow, precondition, upload, part, cut, empty] = failed.try_into().unwrap();
    assert!(matches!(internal, Unknown(_)), "{internal:?}");
    assert!(matches!(slow, Busy(_)), "{slow:?}");
    assert!(matches!(precondition, Refused), "{precondition:?}");
    assert!(matches!(upload, NotFound), "{upload:?}");
    assert!(matches!(part, Invalid(_)), "{part:?}");
    assert!(matches!(cut, Unknown(_)), "{cut:?}");
    assert!(matches!(empty, Unknown(_)), "{empty:?}");
    assert_eq!(server.seen().len(), 7, "nothing is sent again");
}

#[tokio::test]
async fn a_part_is_copied_from_a_range() {
    let body = "<CopyPartResult><ETag>\"t\"</ETag></CopyPartResult>";
    let (server, bucket) = with([says(200, &[], body)]).await;
    let copied = bucket.copy_part("key", &u(), 3, ODD, 10..20).await;
    assert_eq!(copied.unwrap(), tag());
    let seen = server.only();
    assert_eq!(seen.query("partNumber"), Some("3"));
    assert_eq!(seen.query("uploadId"), Some("u"));
    assert_eq!(
        seen.header("x-amz-copy-source"),
        ODD_IN_PATHS.strip_prefix('/')
    );
    assert_eq!(seen.header("x-amz-copy-source-range"), Some("bytes=10-19"));
    let signed = "host;x-amz-copy-source;x-amz-copy-source-range";
    assert_eq!(seen.query("X-Amz-SignedHeaders"), Some(signed));
}

#[tokio::test]
async fn parts_come_in_pages() {
    let body = "<ListPartsResult><Bucket>bucket</Bucket><MaxParts>1000</MaxParts>\
        <Part><PartNumber>18</PartNumber><ETag>\"t\"</ETag><Size>5</Size></Part>\
        <Initiator><ID>x</ID></Initiator>\
        <Part><PartNumber>40</PartNumber><Size>7</Size><ETag>\"u\"</ETag>\
        <LastModified>2026-11-27T12:00:00.000Z</LastModified></Part>\
        <IsTruncated>true</IsTruncated></ListPartsResult>";
    let none = "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>";
    let answers = [
        says(200, &[], body),
        says(200, &[], none),
        fails(404, "NoSuchUpload"),
    ];
    let (server, bucket) = with(answers).await;
    let page = bucket.parts("key", &u(), 17).await.unwrap();
    let found: Vec<_> = page
        .parts
        .iter()
        .map(|part| (part.number, part.size))
        .collect();
    assert_eq!(found, [(18, 5), (40, 7)]);
    assert_eq!(page.parts[0].tag, tag());
    let modified = page.parts.iter().map(|part| part.modified.is_some());
    assert!(modified.eq([false, true]));
    assert!(page.is_truncated);
    let page = bucket.parts("key", &u(), 40).await.unwrap();
    assert!(page.parts.is_empty() && !page.is_truncated);
    let missing = bucket.parts("key", &u(), 0).await;
    assert!(matches!(missing, Err(ObjectError::NotFound)));
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), &*seen.path), ("GET", "/bucket/key"));
    assert_eq!(seen.query("part-number-marker"), Some("17"));
    assert_eq!(seen.query("uploadId"), Some("u"));
}

#[tokio::test]
async fn multipart_uploads_come_in_pages_with_their_times() {
    let body = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>\
        <Upload><Key>a&amp;b</Key><UploadId>u</UploadId>\
        <Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>\
        <Upload><Key>c</Key><UploadId>v</UploadId></Upload>\
        </ListMultipartUploadsResult>";
    let (server, bucket) = with([says(200, &[], body)]).await;
    let after = Multipart {
        key: "a".to_owned(),
        id: u(),
        begun: None,
    };
    let page = bucket.multiparts("p/", Some(&after)).await.unwrap();
    let begun = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let first = Multipart {
        key: "a&b".to_owned(),
        id: u(),
        begun: Some(begun),
    };
    assert_eq!(page.multiparts[0], first);
    assert_eq!(page.multiparts[1].begun, None);
    assert!(page.is_truncated);
    let seen = server.only();
    assert_eq!(seen.path, "/bucket/");
    for (name, value) in [
        ("uploads", ""),
        ("prefix", "p/"),
        ("key-marker", "a"),
        ("upload-id-marker", "u"),
    ] {
        assert_eq!(seen.query(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn multipart_uploads_are_listed_behind_all_of_a_key() {
    let empty = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>\
        </ListMultipartUploadsResult>";
    let (server, bucket) = with([says(200, &[], empty)]).await;
    let after = Multipart {
        key: "a".to_owned(),
        id: MultipartId(String::new()),
        begun: None,
    };
    bucket.multiparts("", Some(&after)).await.unwrap();
    let seen = server.only();
    assert_eq!(seen.query("key-marker"), Some("a"));
    assert_eq!(seen.query("upload-id-marker"), None);
}

#[tokio::test]
async fn a_list_has_keys_of_other_programs_too() {
    let body = "<ListBucketResult><IsTruncated>false</IsTruncated>\
        <Contents><Key>p/a//b/</Key><Size>5</Size>\
        <LastModified>2026-01-01T00:00:00Z</LastModified><ETag>\"t\"</ETag></Contents>\
        <Contents><Key>p/ c &lt;d&gt; </Key><Size>0</Size></Contents></ListBucketResult>";
    let (server, bucket) = with([says(200, &[], body)]).await;
    let page = bucket.list("p/", Some("p/\u{fc} +")).await.unwrap();
    let keys: Vec<_> = page.objects.iter().map(|object| &*object.key).collect();
    assert_eq!(keys, ["p/a//b/", "p/ c <d> "]);
    assert_eq!(page.objects[0].size, 5);
    assert!(page.objects[0].modified.is_some());
    assert!(!page.is_truncated);
    let seen = server.only();
    assert_eq!(seen.query("list-type"), Some("2"));
    assert_eq!(seen.query("prefix"), Some("p/"));
    assert_eq!(seen.query("start-after"), Some("p/\u{fc} +"));
}

#[tokio::test]
async fn what_is_no_list_is_no_empty_list() {
    for body in [
        "",
        "<html><p>Welcome</p></html>",
        "<Error><Code>X</Code></Error>",
    ] {
        let answers = [(); 3].map(|()| says(200, &[], body));
        let (_server, bucket) = with(answers).await;
        let list = bucket.list("", None).await;
        assert!(matches!(list, Err(ObjectError::Unknown(_))), "{list:?}");
        let parts = bucket.parts("key", &u(), 0).await;
        assert!(matches!(parts, Err(ObjectError::Unknown(_))), "{parts:?}");
        let multiparts = bucket.multiparts("", None).await;
        assert!(
            matches!(multiparts, Err(ObjectError::Unknown(_))),
            "{multiparts:?}"
        );
    }
}

#[tokio::test]
async fn a_list_of_a_bucket_that_does_not_exist_is_no_empty_list() {
    let (_server, bucket) = with([fails(404, "NoSuchBucket")]).await;
    let list = bucket.list("", None).await;
    assert!(matches!(list, Err(ObjectError::Invalid(_))));
}

#[tokio::test]
async fn a_url_to_download_an_object_replaces_headers() {
    let (server, bucket) = with([]).await;
    let content = Properties {
        content_type: Some("text/plain".to_owned()),
        content_disposition: Some("attachment; filename=\"a b\"".to_owned()),
        ..Properties::default()
    };
    let url = bucket.presign(ODD, &content, Duration::from_secs(60)).await;
    let url = url.unwrap().unwrap();
    let start = format!("http://{}{ODD_IN_PATHS}?", server.address());
    assert!(url.starts_with(&start), "{url}");
    for part in [
        "response-content-type=text%2Fplain",
        "response-content-disposition=attachment%3B%20filename%3D%22a%20b%22",
        "X-Amz-Expires=60",
        "X-Amz-Signature=",
    ] {
        assert!(url.contains(part), "{url}");
    }
    assert!(server.seen().is_empty());
}

//! Objects of several parts, and lists.

use tokio::task::JoinSet;

use super::super::s3::ODD;
use super::{Gateway, properties, put, text};
use crate::store::object::objects::{
    Multipart, MultipartId, ObjectError, Objects, PartNumber, Payload, Tag, When,
};

#[tokio::test]
async fn an_object_is_made_of_parts_with_gaps() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    let multipart = begin(bucket, ODD).await;
    part(bucket, ODD, &multipart, 18, mib(b'x', 1)).await;
    let mut parts = vec![part(bucket, ODD, &multipart, 2, mib(b'a', 5)).await];
    parts.push(part(bucket, ODD, &multipart, 18, Payload::from("b")).await);

    let sent = bucket.parts(ODD, &multipart, 0).await.unwrap();
    let found = sent
        .parts
        .iter()
        .map(|part| (part.number, part.tag.clone()));
    assert_eq!(found.collect::<Vec<_>>(), parts);
    let behind = bucket.parts(ODD, &multipart, 2).await.unwrap();
    assert_eq!((behind.parts.len(), behind.parts[0].size), (1, 1));

    let tag = bucket.complete(ODD, &multipart, &parts, When::Absent).await;
    let found = bucket.head(ODD).await.unwrap();
    assert_eq!((found.tag, found.size), (tag.unwrap(), (5 << 20) + 1));
    assert_eq!(found.metadata, properties().metadata);
    let end = bucket.get(ODD, Some((5 << 20) - 1..(5 << 20) + 1)).await;
    assert_eq!(end.unwrap().bytes, "ab");
}

#[tokio::test]
async fn a_completion_checks_its_condition_and_its_parts() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    put(bucket, "key", "before", When::Absent).await.unwrap();
    let multipart = begin(bucket, "key").await;
    let small = part(bucket, "key", &multipart, 1, Payload::from("a")).await;
    let last = part(bucket, "key", &multipart, 2, Payload::from("b")).await;
    let parts = [last.clone()];
    let refused = bucket
        .complete("key", &multipart, &parts, When::Absent)
        .await;
    assert!(matches!(refused, Err(ObjectError::Refused)), "{refused:?}");
    let too_small = bucket
        .complete("key", &multipart, &[small, last.clone()], When::Always)
        .await;
    assert!(
        matches!(too_small, Err(ObjectError::Invalid(_))),
        "{too_small:?}"
    );
    let other = [(2, Tag("\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned()))];
    let other = bucket
        .complete("key", &multipart, &other, When::Always)
        .await;
    assert!(matches!(other, Err(ObjectError::Invalid(_))), "{other:?}");
    assert_eq!(text(bucket, "key").await, "before");

    let before = bucket.head("key").await.unwrap().tag;
    let when = When::Match(&before);
    bucket
        .complete("key", &multipart, &parts, when)
        .await
        .unwrap();
    assert_eq!(text(bucket, "key").await, "b");
}

#[tokio::test]
async fn a_multipart_upload_that_was_aborted_is_not_found() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    let multipart = begin(bucket, "key").await;
    let parts = [part(bucket, "key", &multipart, 1, Payload::from("a")).await];
    bucket.abort("key", &multipart).await.unwrap();
    bucket.abort("key", &multipart).await.unwrap();
    let late = bucket
        .put_part("key", &multipart, 1, Payload::from("a"))
        .await;
    assert!(matches!(late, Err(ObjectError::NotFound)), "{late:?}");
    let late = bucket
        .complete("key", &multipart, &parts, When::Absent)
        .await;
    assert!(matches!(late, Err(ObjectError::NotFound)), "{late:?}");
    let late = bucket.parts("key", &multipart, 0).await;
    assert!(matches!(late, Err(ObjectError::NotFound)), "{late:?}");
}

#[tokio::test]
async fn a_part_is_copied_from_a_range_of_an_object() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    put(bucket, ODD, "0123456789", When::Absent).await.unwrap();
    let multipart = begin(bucket, "copy").await;
    let tag = bucket.copy_part("copy", &multipart, 3, ODD, 2..6).await;
    let parts = [(3, tag.unwrap())];
    bucket
        .complete("copy", &multipart, &parts, When::Absent)
        .await
        .unwrap();
    assert_eq!(text(bucket, "copy").await, "2345");
    let multipart = begin(bucket, "copy").await;
    let missing = bucket.copy_part("copy", &multipart, 1, "none", 0..1).await;
    assert!(matches!(missing, Err(ObjectError::NotFound)), "{missing:?}");
}

#[tokio::test]
async fn objects_and_multipart_uploads_are_listed_by_prefix_behind_a_key() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    let mut begun = Vec::new();
    for key in ["a", "p/a", "p/a-b", "p/b/c", "q"] {
        put(bucket, key, key, When::Absent).await.unwrap();
        begun.push((key, begin(bucket, key).await));
    }
    let list = bucket.list("p/", Some("p/a")).await.unwrap();
    let keys: Vec<_> = list.objects.iter().map(|object| &*object.key).collect();
    assert_eq!(keys, ["p/a-b", "p/b/c"]);
    assert_eq!(list.objects[0].size, 5);
    assert!(list.objects[0].modified.is_some());
    assert!(!list.is_truncated);
    assert_eq!(bucket.list("", None).await.unwrap().objects.len(), 5);

    let found = bucket.multiparts("p/", None).await.unwrap().multiparts;
    let found: Vec<_> = found.iter().map(key_and_id).collect();
    assert_eq!(found, begun[1..4]);
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = gateway.bucket();
    let mut puts = JoinSet::new();
    let keys: Vec<_> = (0..1002).map(|number| format!("{number:04}")).collect();
    for keys in keys.chunks(100) {
        let (bucket, keys) = (bucket.clone(), keys.to_vec());
        puts.spawn(async move {
            for key in keys {
                put(&*bucket, &key, "", When::Always).await.unwrap();
            }
        });
    }
    puts.join_all().await;
    let first = bucket.list("", None).await.unwrap();
    assert!(first.is_truncated);
    let last = &first.objects.last().unwrap().key;
    let second = bucket.list("", Some(last)).await.unwrap();
    assert!(!second.is_truncated);
    let found = first.objects.iter().chain(&second.objects);
    assert!(found.map(|object| &object.key).eq(&keys));
}

fn key_and_id(multipart: &Multipart) -> (&str, MultipartId) {
    assert!(multipart.begun.is_some());
    (&multipart.key, multipart.id.clone())
}

fn mib(byte: u8, mib: usize) -> Payload {
    Payload::from(vec![byte; mib << 20])
}

async fn begin(bucket: &dyn Objects, key: &str) -> MultipartId {
    bucket.begin(key, &properties()).await.unwrap()
}

async fn part(
    bucket: &dyn Objects,
    key: &str,
    multipart: &MultipartId,
    number: PartNumber,
    payload: Payload,
) -> (PartNumber, Tag) {
    let tag = bucket.put_part(key, multipart, number, payload).await;
    (number, tag.unwrap())
}

//! Objects as a whole.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use object_store::client::{HttpRequest, HttpRequestBody};
use rustls::RootCertStore;

use super::super::s3::ODD;
use super::{Gateway, properties, put};
use crate::http_client::{Trust, config};
use crate::store::object::cloud::transport::Transport;
use crate::store::object::objects::{ObjectError, Objects, Payload, Properties, Tag, When};

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = gateway.bucket();
    let payload: Payload = ["ab", "", "cde"].map(Bytes::from).into_iter().collect();
    let put = bucket.put(ODD, payload, When::Always, &properties()).await;
    let object = bucket.get(ODD, None).await.unwrap();
    assert_eq!(object.bytes, "abcde");
    assert_eq!(object.found.tag, put.unwrap());
    assert_eq!(object.found.metadata, properties().metadata);
    assert!(object.found.modified.is_some());
    assert_eq!(bucket.head(ODD).await.unwrap(), object.found);
    let range = bucket.get(ODD, Some(1..3)).await.unwrap();
    assert_eq!((&*range.bytes, range.found.size), (&b"bc"[..], 5));

    bucket.delete(ODD).await.unwrap();
    bucket.delete(ODD).await.unwrap();
    assert!(matches!(bucket.head(ODD).await, Err(ObjectError::NotFound)));
    assert!(matches!(
        bucket.get(ODD, None).await,
        Err(ObjectError::NotFound)
    ));
}

#[tokio::test]
async fn one_of_eight_puts_wins() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = gateway.bucket();
    for round in 0..3 {
        let key = format!("key-{round}");
        let first = race(&bucket, &key, When::Absent).await;
        race(&bucket, &key, When::Match(&first)).await;
    }
}

/// Puts eight objects at once, and returns the tag of the only one that wins.
async fn race(bucket: &Arc<dyn Objects>, key: &str, when: When<'_>) -> Tag {
    let before = match when {
        When::Match(tag) => Some(tag.clone()),
        When::Always | When::Absent => None,
    };
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..8 {
        let (bucket, key, before) = (bucket.clone(), key.to_owned(), before.clone());
        calls.spawn(async move {
            let when = before.as_ref().map_or(When::Absent, When::Match);
            let text = format!("{call} after {before:?}");
            put(&*bucket, &key, &text, when).await
        });
    }
    let mut winners = Vec::new();
    for result in calls.join_all().await {
        match result {
            Ok(tag) => winners.push(tag),
            Err(ObjectError::Refused | ObjectError::Busy(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(bucket.head(key).await.unwrap().tag, winners[0]);
    winners.remove(0)
}

#[tokio::test]
async fn a_condition_is_refused_where_nothing_could_match() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = gateway.bucket();
    let tag = Tag("\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned());
    let missing = put(&*bucket, "key", "a", When::Match(&tag)).await;
    assert!(matches!(missing, Err(ObjectError::Refused)), "{missing:?}");
}

#[tokio::test]
async fn anybody_can_download_from_a_signed_url() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    put(bucket, ODD, "abc", When::Absent).await.unwrap();
    let content = Properties {
        content_type: Some("text/x-a".to_owned()),
        content_disposition: Some("attachment; filename=\"a b\"".to_owned()),
        ..Properties::default()
    };
    let url = bucket.presign(ODD, &content, Duration::from_secs(60)).await;
    let answer = download(&url.unwrap().unwrap()).await;
    assert_eq!(answer.body(), "abc");
    assert_eq!(answer.headers()[CONTENT_TYPE], "text/x-a");
    let disposition = &answer.headers()[CONTENT_DISPOSITION];
    assert_eq!(disposition, "attachment; filename=\"a b\"");
}

async fn download(url: &str) -> Response<Bytes> {
    let trust = Trust::Certificates {
        roots: RootCertStore::empty(),
        listed: Vec::new(),
    };
    let tls = config(trust, None).unwrap();
    let uri = url.parse().unwrap();
    let transport = Transport::new(&uri, &tls).unwrap();
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = uri;
    transport.call(request).await.unwrap()
}

#[tokio::test]
async fn files_cannot_be_directories_and_the_error_says_so() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    put(bucket, "a", "a", When::Absent).await.unwrap();
    let below = put(bucket, "a/b", "b", When::Absent).await;
    assert!(matches!(below, Err(ObjectError::Invalid(_))), "{below:?}");
}

//! Uploads that tusd has begun.

mod ends;
mod find;
mod go_on;
mod refuse;

use serde_json::{Value, json};

use tower_tus_layers::protocol::Interrupt;

use super::*;
use crate::store::object::objects::memory::Memory;
use crate::store::object::objects::{
    MultipartId, Objects, PartNumber, Payload, Properties, Rules, Tag, When,
};

const OBJECT: &str = "0e5d8a4c";

/// What tusd has left of one upload.
struct Left {
    bucket: Bucket,
    object: &'static str,
    multipart: MultipartId,
    parts: Vec<(PartNumber, Tag)>,
    /// The number of bytes.
    at: u64,
}

impl Left {
    /// Leaves what tusd does if it was stopped after parts of these sizes, and a tail.
    async fn new(bucket: &Bucket, length: Option<u64>, parts: &[u64], tail: u64) -> Self {
        let mut left = Self::begin(bucket, OBJECT, length, &json!({})).await;
        for size in parts {
            let number = left.parts.len() as PartNumber + 1;
            left.send(number, *size).await;
        }
        if tail > 0 {
            left.keep(bytes(left.at, left.at + tail)).await;
            left.at += tail;
        }
        left
    }

    /// Creates an upload without bytes.
    async fn begin(
        bucket: &Bucket,
        object: &'static str,
        length: Option<u64>,
        more: &Value,
    ) -> Self {
        let bucket = bucket.again();
        let properties = Properties {
            metadata: [("filename".to_owned(), "a.txt".to_owned())].into(),
            ..Properties::default()
        };
        let multipart = bucket.begin(object, &properties).await.unwrap();
        let left = Self {
            bucket,
            object,
            multipart,
            parts: Vec::new(),
            at: 0,
        };
        let mut info = json!({
            "ID": left.id().as_str(), "Size": length.unwrap_or(0), "SizeIsDeferred": length.is_none(),
            "Offset": 0, "MetaData": {"filename": "a.txt"}, "IsPartial": false,
            "IsFinal": false, "PartialUploads": null,
            "Storage": {"Bucket": "memory", "Key": object, "Type": "s3store"},
        });
        let members = info.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        left.put(&left.info(), info.to_string().into()).await;
        left
    }

    fn id(&self) -> UploadId {
        let id = format!("{}+{}", self.object, self.multipart.0);
        id.parse().unwrap()
    }

    fn info(&self) -> String {
        format!("{}.info", self.object)
    }

    fn tail(&self) -> String {
        format!("{}.part", self.object)
    }

    /// Stores the next bytes as a part.
    async fn send(&mut self, number: PartNumber, size: u64) {
        let tag = self.send_bytes(number, bytes(self.at, self.at + size));
        self.parts.push((number, tag.await));
        self.at += size;
    }

    async fn send_bytes(&self, number: PartNumber, bytes: Bytes) -> Tag {
        let (key, payload) = (self.object, Payload::from(bytes));
        let sent = self.bucket.put_part(key, &self.multipart, number, payload);
        sent.await.unwrap()
    }

    /// Stores a tail.
    async fn keep(&self, bytes: Bytes) {
        self.put(&self.tail(), bytes).await;
    }

    async fn put(&self, key: &str, bytes: Bytes) {
        let none = Properties::default();
        let put = self.bucket.put(key, bytes.into(), When::Always, &none);
        put.await.unwrap();
    }

    async fn complete(&self) {
        let completed =
            self.bucket
                .complete(self.object, &self.multipart, &self.parts, When::Always);
        completed.await.unwrap();
    }

    async fn abort(&self) {
        let aborted = self.bucket.abort(self.object, &self.multipart);
        aborted.await.unwrap();
    }

    fn document(&self) -> Value {
        let json = self.bucket.bytes(&self.info()).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    /// Everything in the bucket.
    fn all(&self) -> Vec<(String, Bytes)> {
        let keys = self.bucket.keys();
        let bytes = |key: &String| self.bucket.bytes(key).unwrap();
        keys.into_iter()
            .map(|key| (key.clone(), bytes(&key)))
            .collect()
    }

    async fn open(&self) -> Box<dyn Handle> {
        store(&self.bucket.again()).open(&self.id()).await.unwrap()
    }

    async fn terminate(&self) -> Result<(), Error> {
        let store = store(&self.bucket.again());
        store.terminator().unwrap().terminate(&self.id()).await
    }

    /// Sends the rest, and checks that the object has the bytes that were sent.
    async fn go_on(&self, length: u64) {
        let mut handle = self.open().await;
        let rest = length - handle.info().offset.get();
        patch(&mut *handle, rest, WriteMode::Streaming)
            .await
            .unwrap();
        let found = self.open().await;
        assert!(found.info().is_finished(), "{:?}", found.info());
        let stored = self.bucket.bytes(self.object).unwrap();
        assert!(stored == bytes(0, length), "other bytes of {length}");
    }

    fn assert_clean(&self) {
        assert_eq!(self.bucket.keys(), [self.object.to_owned(), self.info()]);
        assert_eq!(self.bucket.multiparts_left(), 0);
    }
}

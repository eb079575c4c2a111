//! S3 against versitygw.

mod multiparts;
mod objects;
mod places;
mod settings;
mod tusd;

use std::sync::Arc;

use super::gateway::{ACCESS_KEY, BUCKET, Gateway, SECRET_KEY};
use crate::store::object::cloud::S3;
use crate::store::object::objects::{Objects, Payload, Properties, Result, Tag, When};

impl Gateway {
    fn settings(&self) -> S3 {
        S3::new(BUCKET).endpoint(&self.address).without_tls()
    }

    pub(super) fn bucket(&self) -> Arc<dyn Objects> {
        let settings = self.settings().keys(ACCESS_KEY, SECRET_KEY);
        settings.open().unwrap()
    }
}

async fn put(bucket: &dyn Objects, key: &str, text: &str, when: When<'_>) -> Result<Tag> {
    let payload = Payload::from(text.to_owned());
    bucket.put(key, payload, when, &Properties::default()).await
}

async fn text(bucket: &dyn Objects, key: &str) -> String {
    let object = bucket.get(key, None).await.unwrap();
    String::from_utf8(object.bytes.into()).unwrap()
}

/// A value that is not ASCII, as the store writes it.
const AUTHOR: &str = "=?UTF-8?B?Wm/Dqw==?= =?UTF-8?B?4oKs?=";

fn properties() -> Properties {
    Properties {
        content_type: Some("text/plain".to_owned()),
        content_disposition: Some("inline".to_owned()),
        cache_control: Some("no-store".to_owned()),
        metadata: [("towertus", "nonce"), ("author", AUTHOR)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        tags: [("a b".to_owned(), "c+d".to_owned())].into(),
        ..Properties::default()
    }
}

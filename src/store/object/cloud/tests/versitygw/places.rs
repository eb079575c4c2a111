//! Whole uploads whose objects are in another bucket.

use std::fs;

use tower_tus_layers::protocol::{Body, Chunk, Length, Metadata, NewUpload};
use tower_tus_layers::store::{AppendOptions, Reader, Store};

use super::Gateway;
use crate::store::object::ObjectStore;

#[tokio::test]
async fn an_upload_goes_to_the_bucket_and_the_key_that_were_chosen() {
    let other = |root: &std::path::Path| {
        fs::create_dir(root.join("other")).unwrap();
        Vec::new()
    };
    let Some(gateway) = Gateway::start_with(other).await else {
        return;
    };
    let (main, settings) = (
        gateway.bucket(),
        gateway.settings().keys("access", "secret"),
    );
    let other = settings.bucket("other").open().unwrap();
    let store = ObjectStore::over(main.clone())
        .bucket("other", other.clone())
        .part_size(5 << 20)
        .tag("project", "tus")
        .content_disposition("attachment")
        .metadata_keys(["filename"]);
    for length in [5_u32, 11 << 20] {
        let pairs = [("filename", "Zoë  €"), ("filetype", "text/plain")];
        let metadata = Metadata::from_pairs(pairs).unwrap();
        let mut new = NewUpload::new(Some(Length::from(length)), metadata);
        new.object.key = Some("by user/ä+b".to_owned());
        new.object.bucket = Some("other".to_owned());
        let mut handle = store.create(new).await.unwrap();
        let mut body = Body::from("x".repeat(usize::try_from(length).unwrap()));
        let appended = handle.append(Chunk::new(&mut body), AppendOptions::default());
        assert!(appended.await.error.is_none());
        handle.finish_and_record().await.unwrap();

        let found = other.head("by user/ä+b").await.unwrap();
        assert_eq!(found.size, u64::from(length));
        let name = "=?UTF-8?B?Wm/DqyAg4oKs?=";
        assert_eq!(found.metadata["filename"], name);
        let id = &handle.info().id;
        let content = store.read(id).await.unwrap();
        assert_eq!(content.bytes(0..2).await.unwrap(), "xx");
        assert_eq!(main.list("", None).await.unwrap().objects.len(), 1);

        store.terminator().unwrap().terminate(id).await.unwrap();
        for bucket in [&main, &other] {
            assert!(bucket.list("", None).await.unwrap().objects.is_empty());
        }
    }
}

use tower_tus_layers::store::{ListRequest, Lister, Page, Terminator, conformance};

use super::*;
use crate::store::object::objects::memory::Memory;
use crate::store::object::objects::{Objects, Properties, Rules, When};

/// A bucket whose lists come in pages of two keys.
fn memory() -> Memory {
    Memory::new(Rules::S3).page(2)
}

fn over(memory: &Memory) -> ObjectStore {
    ObjectStore::over(Arc::new(memory.clone()))
}

async fn create_with(store: &ObjectStore, id: &str) {
    let mut new = new(Some(5));
    new.id = id.parse().unwrap();
    store.create(new).await.unwrap();
}

async fn put(memory: &Memory, key: &str, bytes: &'static str) {
    let none = Properties::default();
    memory
        .put(key, bytes.into(), When::Always, &none)
        .await
        .unwrap();
}

async fn list(store: &ObjectStore, request: ListRequest) -> Page {
    Lister::list(store, &request).await.unwrap()
}

fn ids(page: &Page) -> Vec<&str> {
    page.uploads.iter().map(|it| it.id.as_str()).collect()
}

#[tokio::test]
async fn it_passes_the_conformance_suite_in_pages_of_two_keys() {
    let memory = memory();
    conformance::run(|| over(&memory)).await;
}

#[tokio::test]
async fn an_id_comes_before_those_that_begin_with_it_although_its_key_comes_later() {
    let memory = memory();
    let store = over(&memory);
    let expected = ["a", "a!", "a!b", "a-b", "a-b-c", "a.b", "a.z", "ab", "b"];
    for id in expected.iter().rev() {
        create_with(&store, id).await;
    }
    assert_eq!(ids(&list(&store, ListRequest::default()).await), expected);
    for limit in 1..=expected.len() {
        let (mut request, mut found) = (ListRequest::default().limit(limit), Vec::new());
        loop {
            let page = list(&store, request.clone()).await;
            found.extend(page.uploads.iter().map(|upload| upload.id.to_string()));
            let Some(next) = page.next else { break };
            request = request.after(next);
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
    let below = ListRequest::default().prefix("a-b");
    assert_eq!(ids(&list(&store, below).await), ["a-b", "a-b-c"]);
}

#[tokio::test]
async fn only_uploads_below_the_prefix_of_the_store_are_listed() {
    let memory = memory();
    let store = over(&memory).prefix("up/");
    create_with(&store, "a").await;
    create_with(&over(&memory), "b").await;
    for foreign in ["up/report.pdf", "up/.info", "up/not an id?.info", "zoo"] {
        put(&memory, foreign, "bytes").await;
    }
    let page = list(&store, ListRequest::default()).await;
    assert_eq!((ids(&page), page.unreadable.len()), (vec!["a"], 0));
}

#[tokio::test]
async fn an_upload_that_cannot_be_read_does_not_hide_the_others() {
    let memory = memory();
    let store = over(&memory);
    create_with(&store, "a").await;
    create_with(&store, "c").await;
    put(&memory, "b.info", "{").await;
    let page = list(&store, ListRequest::default()).await;
    assert_eq!(ids(&page), ["a", "c"]);
    let unreadable: Vec<_> = page.unreadable.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(unreadable, ["b"]);
}

#[tokio::test]
async fn an_upload_that_is_being_removed_is_not_listed() {
    let bucket = Bucket::new();
    let faulty = bucket.again();
    let id = create(&store(&bucket), Some(5)).await.info().id.clone();
    // After the swap that removes it.
    faulty.fail(2, Fault::CrashAfter);
    store(&faulty).terminate(&id).await.unwrap_err();
    assert_eq!(bucket.keys(), [format!("{id}.info")]);
    let page = list(&store(&bucket), ListRequest::default()).await;
    assert!(page.uploads.is_empty() && page.unreadable.is_empty());
}

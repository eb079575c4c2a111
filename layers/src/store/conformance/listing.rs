//! Cases for stores that list uploads.

use std::pin::pin;
use std::sync::Arc;

use super::{Frames, Watching, append_whole};
use crate::protocol::{Chunk, Error, Length, Metadata, NewUpload, Offset, Upload, UploadId};
use crate::store::{Handle, ListRequest, Lister, Store, WriteMode};
use crate::suite::{Suite, cases};

pub(super) async fn run(suite: &mut Suite, open: &impl Fn() -> Arc<dyn Store>) {
    cases!(suite, open;
        each_upload_is_listed_once_in_the_order_of_ids_page_by_page,
        a_list_begins_with_a_prefix_and_after_an_id,
        an_upload_is_listed_as_it_is_opened,
        an_upload_is_listed_beside_its_writer,
        a_list_goes_on_while_uploads_are_created,
    );
    if open().terminator().is_some() {
        cases!(suite, open; a_terminated_upload_is_not_listed);
    }
}

fn lister(store: &dyn Store) -> &dyn Lister {
    store.lister().expect("the capability is still there")
}

/// Ends of ids. Their order is not that of the segments.
const ENDS: [&str; 8] = ["!", "+/x", "-b", "/b", "/c/d", "/c/e", "0", "z/a"];

/// Creates uploads of ten bytes, not in order, with these ends of a random id, and
/// returns that id.
async fn create_all(store: &dyn Store) -> String {
    let random = UploadId::random().to_string();
    for n in 0..ENDS.len() {
        let end = ENDS[n * 3 % ENDS.len()];
        drop(create(store, &format!("{random}{end}")).await);
    }
    random
}

async fn create(store: &dyn Store, id: &str) -> Box<dyn Handle> {
    let mut new = NewUpload::new(Some(Length::from(10)), Metadata::default());
    new.id = id.parse().expect("the id is valid");
    store.create(new).await.expect("an upload can be created")
}

/// Lists everything, in pages of at most `limit`.
async fn list(store: &dyn Store, prefix: &str, limit: usize) -> Vec<Upload> {
    let (mut request, mut listed) = (ListRequest::default().prefix(prefix).limit(limit), vec![]);
    loop {
        let page = lister(store).list(&request).await;
        let page = page.expect("the storage can be read");
        assert!(page.uploads.len() <= limit.max(1), "a page is too long");
        assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
        listed.extend(page.uploads);
        let Some(next) = page.next else {
            return listed;
        };
        let after = request.after.take();
        assert!(after.is_none_or(|after| next > after), "it does not get on");
        request = request.after(next);
    }
}

fn ids(uploads: &[Upload], prefix: &str) -> Vec<String> {
    let rest = |upload: &Upload| upload.id.as_str().strip_prefix(prefix).map(str::to_owned);
    let rest = uploads.iter().map(rest);
    rest.map(|rest| rest.expect("its id begins with the prefix"))
        .collect()
}

async fn each_upload_is_listed_once_in_the_order_of_ids_page_by_page(
    open: &impl Fn() -> Arc<dyn Store>,
) {
    let random = create_all(&*open()).await;
    for limit in [0, 1, 2, 3, 7, 8, 9, 1_000, usize::MAX] {
        let listed = list(&*open(), &random, limit).await;
        assert_eq!(ids(&listed, &random), ENDS, "in pages of {limit}");
    }
}

async fn a_list_begins_with_a_prefix_and_after_an_id(open: &impl Fn() -> Arc<dyn Store>) {
    let (store, random) = (open(), create_all(&*open()).await);
    for prefix in [
        "", "+", "+/x", "/", "/b", "/c", "/c/", "/c/d", "/d", "0/", "z",
    ] {
        let expected = ENDS.iter().filter(|end| end.starts_with(prefix));
        let expected: Vec<_> = expected.copied().collect();
        for limit in [1, 1_000] {
            let listed = list(&*store, &format!("{random}{prefix}"), limit).await;
            assert_eq!(ids(&listed, &random), expected, "with the prefix {prefix}");
        }
        for after in ENDS.into_iter().chain(["/bb", "/c/d/e", "00", "~"]) {
            let after: UploadId = format!("{random}{after}").parse().expect("a valid id");
            let request = ListRequest::default().prefix(format!("{random}{prefix}"));
            let page = lister(&*store).list(&request.after(after.clone())).await;
            let listed = ids(&page.expect("the storage can be read").uploads, &random);
            let follows = |end: &&&str| format!("{random}{end}").as_str() > after.as_str();
            let expected: Vec<_> = expected.iter().filter(follows).collect();
            let listed: Vec<_> = listed.iter().collect();
            assert_eq!(listed, expected, "with the prefix {prefix} after {after}");
        }
    }
    assert!(list(&*store, "../", 1_000).await.is_empty());
}

async fn an_upload_is_listed_as_it_is_opened(open: &impl Fn() -> Arc<dyn Store>) {
    let id = UploadId::random().to_string();
    let metadata = Metadata::from_pairs([("filename", "hello.txt")]);
    let metadata = metadata.expect("the keys are valid");
    let mut new = NewUpload::new(Some(Length::from(10)), metadata);
    new.id = id.parse().expect("the id is valid");
    let mut handle = open().create(new).await.expect("an upload can be created");
    for text in ["hello", "world"] {
        let opened = open().open(&handle.info().id).await;
        let opened = opened.expect("it is there").info().clone();
        let listed = list(&*open(), &id, 10).await;
        assert_eq!(listed, [opened]);
        append_whole(&mut *handle, text).await;
        let listed = list(&*open(), &id, 10).await;
        assert_eq!(listed[0].offset, handle.info().offset);
    }
}

async fn an_upload_is_listed_beside_its_writer(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), UploadId::random().as_str()).await;
    append_whole(&mut *handle, "hello").await;
    let (store, id) = (open(), handle.info().id.to_string());
    let look = Box::pin(async move { list(&*store, &id, 10).await[0].offset });
    let mut chunk = pin!(Watching {
        frames: Frames::of(["wo", "rld"]),
        look,
        seen: None,
    });
    let appended = handle
        .append(Chunk::new(&mut chunk), WriteMode::Atomic.into())
        .await;
    assert!(appended.error.is_none(), "{:?}", appended.error);
    assert_eq!(chunk.seen, Some(Offset::from(5)), "where the chunk began");
}

async fn a_list_goes_on_while_uploads_are_created(open: &impl Fn() -> Arc<dyn Store>) {
    let (store, random) = (open(), create_all(&*open()).await);
    let request = ListRequest::default().prefix(random.as_str()).limit(3);
    let page = lister(&*store).list(&request).await.expect("it is read");
    assert_eq!(ids(&page.uploads, &random), ENDS[..3]);
    for end in ["'", "-a", "/ba", "zz"] {
        drop(create(&*store, &format!("{random}{end}")).await);
    }
    let request = request
        .after(page.next.expect("there are more"))
        .limit(1_000);
    let page = lister(&*store).list(&request).await.expect("it is read");
    let listed = ids(&page.uploads, &random);
    let old: Vec<_> = listed
        .iter()
        .filter(|id| ENDS.contains(&id.as_str()))
        .collect();
    assert_eq!(old, ENDS[3..].iter().collect::<Vec<_>>());
    assert!(listed.is_sorted());
}

async fn a_terminated_upload_is_not_listed(open: &impl Fn() -> Arc<dyn Store>) {
    let (store, random) = (open(), create_all(&*open()).await);
    let request = ListRequest::default().prefix(random.as_str()).limit(2);
    let first = lister(&*store).list(&request).await.expect("it is read");
    let gone: UploadId = format!("{random}{}", ENDS[2]).parse().expect("a valid id");
    let terminator = store.terminator().expect("the capability is still there");
    let terminated: Result<(), Error> = terminator.terminate(&gone).await;
    terminated.expect("the upload is there");
    let request = request
        .after(first.next.expect("there are more"))
        .limit(1_000);
    let rest = lister(&*store).list(&request).await.expect("it is read");
    assert_eq!(ids(&rest.uploads, &random), ENDS[3..], "in the next page");
    assert_eq!(list(&*open(), &random, 1_000).await.len(), ENDS.len() - 1);
}

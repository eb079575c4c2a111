//! Keys and buckets that gates choose.

use http::HeaderValue;
use tower_tus_layers::protocol::{Concat, Interrupt, Role};
use tower_tus_layers::store::{Concatenator, ListRequest, Reader};

use super::*;
use crate::store::object::objects::Rules;

/// A store with another bucket.
struct Scene {
    main: Bucket,
    other: Bucket,
}

impl Scene {
    fn new() -> Self {
        Self {
            main: Bucket::new(),
            other: Bucket::new().named("other"),
        }
    }

    fn store(&self) -> ObjectStore {
        let other = Arc::new(self.other.clone());
        store(&self.main).bucket("other", other)
    }

    /// Sends the rest of an upload from another server.
    async fn go_on(&self, id: &UploadId, length: u64) {
        let mut handle = self.store().open(id).await.unwrap();
        let rest = length - handle.info().offset.get();
        patch(&mut *handle, rest, WriteMode::Streaming)
            .await
            .unwrap();
        let found = self.store().open(id).await.unwrap();
        assert!(found.info().is_finished(), "{:?}", found.info());
    }

    /// Checks that the object of an upload is here, and everything else gone.
    async fn holds(&self, bucket: &Bucket, key: &str, id: &UploadId, length: u64) {
        assert!(
            bucket.bytes(key).unwrap() == bytes(0, length),
            "other bytes"
        );
        let mut keys = [self.main.keys(), self.other.keys()].concat();
        keys.sort();
        let mut expected = [key.to_owned(), format!("{id}.info")];
        expected.sort();
        assert_eq!(keys, expected);
        assert_eq!(
            self.main.multiparts_left() + self.other.multiparts_left(),
            0
        );
        let content = self.store().read(id).await.unwrap();
        if length > 0 {
            let last = content.bytes(length - 1..length).await.unwrap();
            assert_eq!(last, bytes(length - 1, length));
        }
    }

    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        self.store().terminator().unwrap().terminate(id).await
    }
}

fn named(key: Option<&str>, bucket: Option<&str>, length: u64) -> NewUpload {
    let mut new = new(Some(length));
    new.object.key = key.map(Into::into);
    new.object.bucket = bucket.map(Into::into);
    new
}

fn is_exists<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::UploadExists))
}

/// Returns why a creation has failed inside.
async fn refused(store: &ObjectStore, new: NewUpload) -> String {
    let error = store.create(new).await.unwrap_err();
    assert!(matches!(error, Error::Internal(_)), "{error:?}");
    std::error::Error::source(&error).unwrap().to_string()
}

const KEY: &str = "by user/Zoë/a b.txt";

#[tokio::test]
async fn the_object_is_where_a_gate_wants_it_and_the_state_is_not() {
    for length in [0, 5, PART, 4 * PART + 1] {
        for (key, bucket) in [
            (Some(KEY), None),
            (Some(KEY), Some("memory")),
            (Some(KEY), Some("other")),
            (None, Some("other")),
        ] {
            let scene = Scene::new();
            let asked = named(key, bucket, length);
            let id = asked.id.clone();
            let mut handle = scene.store().create(asked).await.unwrap();
            let storage = handle.info().storage.clone().unwrap();
            let key = key.unwrap_or(id.as_str());
            assert_eq!(storage["Key"], key);
            assert_eq!(storage["Bucket"], bucket.unwrap_or("memory"));
            let is_other = bucket == Some("other");
            for len in [length / 4, length / 3] {
                patch(&mut *handle, len, WriteMode::Streaming)
                    .await
                    .unwrap();
            }
            drop(handle);
            if is_other && length > 0 {
                assert!(scene.other.keys().is_empty());
            }
            scene.go_on(&id, length).await;
            let bucket = if is_other { &scene.other } else { &scene.main };
            scene.holds(bucket, key, &id, length).await;

            scene.terminate(&id).await.unwrap();
            assert!(scene.main.keys().is_empty() && scene.other.keys().is_empty());
        }
    }
}

#[tokio::test]
async fn a_key_that_was_chosen_gets_no_prefix() {
    let scene = Scene::new();
    let store = scene.store().prefix("up/");
    let asked = named(Some("a"), None, 5);
    let id = asked.id.clone();
    let mut handle = store.create(asked).await.unwrap();
    patch(&mut *handle, 5, WriteMode::Streaming).await.unwrap();
    assert_eq!(scene.main.keys(), ["a".to_owned(), format!("up/{id}.info")]);
}

#[tokio::test]
async fn a_storage_path_is_a_key() {
    let scene = Scene::new();
    let mut asked = named(None, None, 5);
    asked.storage_path = Some(KEY.into());
    let mut handle = scene.store().create(asked.clone()).await.unwrap();
    patch(&mut *handle, 5, WriteMode::Streaming).await.unwrap();
    assert_eq!(scene.main.bytes(KEY).unwrap(), bytes(0, 5));

    asked.object.key = Some("another".into());
    let why = refused(&scene.store(), asked).await;
    assert!(why.contains("another") && why.contains(KEY), "{why}");
}

#[tokio::test]
async fn a_key_that_no_object_can_have_is_refused() {
    let scene = Scene::new();
    let long = "x".repeat(1_025);
    for key in [
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "a\nb",
        "a\u{85}",
        "x.info",
        "a/x.3f-0.part",
        &long,
    ] {
        for bucket in [None, Some("other")] {
            let why = refused(&scene.store(), named(Some(key), bucket, 5)).await;
            assert!(why.contains(&format!("{key:?}")), "{why}");
        }
    }
    assert!(scene.main.keys().is_empty());
}

#[tokio::test]
async fn a_bucket_that_is_not_allowed_is_refused() {
    let scene = Scene::new();
    let why = refused(&scene.store(), named(None, Some("secret"), 5)).await;
    assert!(why.contains("secret"), "{why}");
    let why = refused(&store(&scene.main), named(None, Some("other"), 5)).await;
    assert!(why.contains("other"), "{why}");
    assert!(scene.main.keys().is_empty());
}

#[tokio::test]
async fn a_place_that_is_taken_is_not_taken_again() {
    let scene = Scene::new();
    for (bucket, name) in [(&scene.main, None), (&scene.other, Some("other"))] {
        bucket.put_foreign(KEY, b"foreign").await;
        let created = scene.store().create(named(Some(KEY), name, 5)).await;
        assert!(is_exists(&created));
    }
    // An upload that has no object yet.
    let mut first = new(Some(5));
    first.id = "alice/report".parse().unwrap();
    scene.store().create(first).await.unwrap();
    let above = named(Some("alice/report"), None, 5);
    assert!(is_exists(&scene.store().create(above).await));
    let elsewhere = named(Some("alice/report"), Some("other"), 5);
    scene.store().create(elsewhere).await.unwrap();
}

#[tokio::test]
async fn of_two_uploads_for_one_key_the_first_one_has_it() {
    let unconditional = Rules {
        min_part: 4 << 10,
        conditional_complete: false,
        ..Rules::S3
    };
    for other in [Bucket::new(), Bucket::with(unconditional)] {
        for length in [5, 3 * PART] {
            let scene = Scene {
                main: Bucket::new(),
                other: other.clone(),
            };
            let key = format!("key of {length}");
            let asked = || named(Some(&key), Some("other"), length);
            let mut late = scene.store().create(asked()).await.unwrap();
            let mut first = scene.store().create(asked()).await.unwrap();
            patch(&mut *late, length - 1, WriteMode::Streaming)
                .await
                .unwrap();
            patch(&mut *first, length, WriteMode::Streaming)
                .await
                .unwrap();
            let mark = other.properties(&key);
            let failed = patch(&mut *late, 1, WriteMode::Streaming).await;
            assert!(matches!(failed, Err(Error::UploadFailed)), "{failed:?}");
            assert_eq!(other.properties(&key), mark, "it was replaced");
            scene.terminate(&late.info().id).await.unwrap();
            assert_eq!(other.properties(&key), mark, "it was removed");
            assert_eq!(other.multiparts_left(), 0);
            scene.terminate(&first.info().id).await.unwrap();
            assert_eq!(other.properties(&key), None);
        }
    }
}

#[tokio::test]
async fn an_object_that_somebody_has_put_there_since_is_not_removed() {
    let scene = Scene::new();
    for (bucket, name) in [(&scene.main, None), (&scene.other, Some("other"))] {
        let mut handle = scene
            .store()
            .create(named(Some(KEY), name, 5))
            .await
            .unwrap();
        patch(&mut *handle, 5, WriteMode::Streaming).await.unwrap();
        bucket.put_foreign(KEY, b"newer").await;
        scene.terminate(&handle.info().id).await.unwrap();
        assert_eq!(bucket.bytes(KEY).unwrap(), "newer");
        assert!(scene.store().open(&handle.info().id).await.is_err());
    }
}

#[tokio::test]
async fn without_its_bucket_an_upload_fails_and_is_not_damaged() {
    for (length, sent) in [(5, 5), (5, 3), (3 * PART, 2 * PART)] {
        let scene = Scene::new();
        let asked = named(Some(KEY), Some("other"), length);
        let id = asked.id.clone();
        let mut handle = scene.store().create(asked.clone()).await.unwrap();
        patch(&mut *handle, sent, WriteMode::Streaming)
            .await
            .unwrap();
        let keys = [scene.main.keys(), scene.other.keys()];

        let less = store(&scene.main);
        let why = |error: Error| {
            assert!(matches!(error, Error::Internal(_)), "{error:?}");
            std::error::Error::source(&error).unwrap().to_string()
        };
        assert!(why(less.open(&id).await.unwrap_err()).contains("other"));
        assert!(why(less.read(&id).await.unwrap_err()).contains("other"));
        let terminated = less.terminator().unwrap().terminate(&id).await;
        assert!(why(terminated.unwrap_err()).contains("other"));
        let page = less.lister().unwrap().list(&ListRequest::default()).await;
        assert_eq!(page.unwrap().uploads[0].id, id, "it can be listed");
        let again = less.create(new_with(&id, length)).await;
        assert!(is_exists(&again));
        assert_eq!([scene.main.keys(), scene.other.keys()], keys);

        scene.go_on(&id, length).await;
        scene.holds(&scene.other, KEY, &id, length).await;
    }
}

fn new_with(id: &UploadId, length: u64) -> NewUpload {
    let mut new = new(Some(length));
    new.id = id.clone();
    new
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_any_call_to_the_other_bucket_is_survived() {
    for length in [PART, 4 * PART] {
        for fault in [Fault::CrashBefore, Fault::CrashAfter, Fault::Unanswered] {
            for calls in 0.. {
                let scene = Scene::new();
                let faulty = Scene {
                    main: scene.main.again(),
                    other: scene.other.again(),
                };
                let asked = named(Some(KEY), Some("other"), length);
                let id = asked.id.clone();
                let mut handle = faulty.store().create(asked).await.unwrap();
                faulty.other.calls();
                faulty.other.fail(calls, fault);
                let _ = patch(&mut *handle, length, WriteMode::Streaming).await;
                scene.go_on(&id, length).await;
                assert!(scene.other.bytes(KEY).unwrap() == bytes(0, length));
                if !faulty.other.has_failed() {
                    assert!(calls > 0);
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_final_joins_parts_of_several_buckets() {
    for lens in [[5, 7], [PART, 2 * PART], [2 * PART, 5]] {
        for (first, second, made) in [
            (None, None, Some("other")),
            (Some("other"), Some("other"), None),
            (None, Some("other"), None),
            (None, Some("other"), Some("other")),
            (Some("other"), Some("other"), Some("other")),
        ] {
            let scene = Scene::new();
            let mut parts = Vec::new();
            let mut from = 0;
            for (bucket, len) in [(first, lens[0]), (second, lens[1])] {
                let role = Role::Partial { awaited_by: vec![] };
                let raw = Some(HeaderValue::from_static("partial"));
                let mut part = named(None, bucket, len);
                part.concat = Some(Concat::new(role, raw));
                let mut handle = scene.store().create(part).await.unwrap();
                let body = stream::iter([Ok(Frame::data(bytes(from, from + len)))]);
                let mut body = StreamBody::new(body);
                let chunk = Chunk::new(&mut body);
                let appended = handle.append(chunk, options(WriteMode::Streaming)).await;
                assert!(appended.error.is_none());
                handle.finish_and_record().await.unwrap();
                parts.push(handle.info().id.clone());
                from += len;
            }
            let pending = false;
            let mut asked = named(Some(KEY), made, 0);
            asked.length = None;
            asked.concat = Some(Concat::new(Role::Final { parts, pending }, None));
            let store = scene.store();
            let interrupt = Interrupt::default();
            let mut handle = store.concatenate(asked, &interrupt).await.unwrap();
            handle.finish_and_record().await.unwrap();
            let bucket = if made.is_some() {
                &scene.other
            } else {
                &scene.main
            };
            assert!(bucket.bytes(KEY).unwrap() == bytes(0, from), "{made:?}");
            let is_copied = bucket.calls().contains(&"copy_part");
            let is_here = first == made && second == made;
            assert_eq!(is_copied, is_here && from > 64 * KIB, "{lens:?}");
        }
    }
}

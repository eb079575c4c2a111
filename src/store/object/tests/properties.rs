//! Properties of finished objects.

use http::HeaderValue;
use tower_tus_layers::protocol::{Concat, Interrupt, Role};
use tower_tus_layers::store::Concatenator;

use super::*;
use crate::store::object::objects::{Properties, Rules};

/// Returns a new upload with these pairs of metadata.
fn with(pairs: &[(&str, &str)], length: u64) -> NewUpload {
    let mut new = new(Some(length));
    new.metadata = Metadata::from_pairs(pairs.iter().copied()).unwrap();
    new
}

/// Uploads the bytes, and returns the properties of the object without our mark.
async fn properties_of(bucket: &Bucket, store: &ObjectStore, new: NewUpload) -> Properties {
    let id = new.id.clone();
    let length = new.length.unwrap().get();
    let mut handle = store.create(new).await.unwrap();
    patch(&mut *handle, length, WriteMode::Streaming)
        .await
        .unwrap();
    stored(bucket, &id)
}

fn stored(bucket: &Bucket, id: &UploadId) -> Properties {
    let mut properties = bucket.properties(id.as_str()).unwrap();
    let mark = properties.metadata.remove("towertus");
    assert!(mark.is_some(), "the object has no mark");
    properties
}

/// Returns why a creation has failed inside.
async fn refused(store: &ObjectStore, new: NewUpload) -> String {
    let error = store.create(new).await.unwrap_err();
    assert!(matches!(error, Error::Internal(_)), "{error:?}");
    std::error::Error::source(&error).unwrap().to_string()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> std::collections::BTreeMap<String, String> {
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    pairs.into()
}

/// A store with something of everything.
fn described(bucket: &Bucket) -> ObjectStore {
    store(bucket)
        .cache_control("max-age=60")
        .content_disposition("attachment")
        .storage_class("STANDARD_IA")
        .tag("project", "tus")
        .tag("stage", "test")
        .metadata_keys(["filename", "Author", "none"])
}

const METADATA: &[(&str, &str)] = &[
    ("filename", "a b.txt"),
    ("filetype", "text/plain"),
    ("Author", "Zoë"),
    ("secret", "x"),
];

fn expected() -> Properties {
    Properties {
        content_type: Some("text/plain".to_owned()),
        content_disposition: Some("attachment".to_owned()),
        cache_control: Some("max-age=60".to_owned()),
        storage_class: Some("STANDARD_IA".to_owned()),
        metadata: pairs([("filename", "a b.txt"), ("author", "=?UTF-8?B?Wm/Dqw==?=")]),
        tags: pairs([("project", "tus"), ("stage", "test")]),
    }
}

#[tokio::test]
async fn an_object_gets_those_of_the_settings_and_of_listed_metadata() {
    let bucket = Bucket::new();
    // One that is put, and one of parts.
    for length in [0, 5, PART, 3 * PART + 1] {
        let found = properties_of(&bucket, &described(&bucket), with(METADATA, length)).await;
        assert_eq!(found, expected(), "{length}");
    }
    let plain = properties_of(&bucket, &store(&bucket), with(&[], 5)).await;
    assert_eq!(plain, Properties::default());
}

#[tokio::test]
async fn a_final_gets_its_own_whether_it_is_copied_or_put() {
    let bucket = Bucket::new();
    let store = described(&bucket);
    for length in [5, PART] {
        let role = Role::Partial { awaited_by: vec![] };
        let mut part = new(Some(length));
        part.concat = Some(Concat::new(role, Some(HeaderValue::from_static("partial"))));
        let id = part.id.clone();
        properties_of(&bucket, &store, part).await;

        for pending in [false, true] {
            let parts = vec![id.clone()];
            let mut asked = with(METADATA, length);
            asked.length = None;
            asked.concat = Some(Concat::new(Role::Final { parts, pending }, None));
            let made = asked.id.clone();
            let interrupt = Interrupt::default();
            if pending {
                drop(store.create(asked).await.unwrap());
                store.assemble(&made, &interrupt).await.unwrap();
            } else {
                store.concatenate(asked, &interrupt).await.unwrap();
            }
            assert_eq!(stored(&bucket, &made), expected(), "{length} {pending}");
        }
    }
}

#[tokio::test]
async fn a_server_with_other_settings_goes_on_with_those_of_the_creation() {
    for length in [PART, 3 * PART] {
        let bucket = Bucket::new();
        let mut handle = described(&bucket)
            .create(with(METADATA, length))
            .await
            .unwrap();
        let id = handle.info().id.clone();
        patch(&mut *handle, 100, WriteMode::Streaming)
            .await
            .unwrap();
        drop(handle);
        go_on(&bucket, &id, length).await;
        assert_eq!(stored(&bucket, &id), expected(), "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_in_any_call_they_are_the_same() {
    for length in [PART, 3 * PART] {
        for fault in [Fault::CrashBefore, Fault::CrashAfter, Fault::Unanswered] {
            for calls in 0.. {
                let bucket = Bucket::new();
                let faulty = bucket.again();
                let created = described(&faulty).create(with(METADATA, length)).await;
                let mut handle = created.unwrap();
                faulty.calls();
                faulty.fail(calls, fault);
                let _ = patch(&mut *handle, length, WriteMode::Streaming).await;
                let id = handle.info().id.clone();
                go_on(&bucket, &id, length).await;
                assert_eq!(
                    stored(&bucket, &id),
                    expected(),
                    "{length} {fault:?} {calls}"
                );
                if !faulty.has_failed() {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_gate_has_the_last_say() {
    let bucket = Bucket::new();
    let mut asked = with(METADATA, 5);
    asked.object.content_type = Some("text/csv".into());
    asked.object.content_disposition = Some("inline".into());
    asked.object.cache_control = Some("no-store".into());
    asked.object.storage_class = Some("GLACIER_IR".into());
    asked.object.metadata = pairs([("FileName", "Ä"), ("owner", "me")]);
    asked.object.tags = pairs([("stage", "live"), ("owner", "ü @x")]);
    let found = properties_of(&bucket, &described(&bucket), asked).await;
    let expected = Properties {
        content_type: Some("text/csv".to_owned()),
        content_disposition: Some("inline".to_owned()),
        cache_control: Some("no-store".to_owned()),
        storage_class: Some("GLACIER_IR".to_owned()),
        metadata: pairs([
            ("filename", "=?UTF-8?B?w4Q=?="),
            ("author", "=?UTF-8?B?Wm/Dqw==?="),
            ("owner", "me"),
        ]),
        tags: pairs([("project", "tus"), ("stage", "live"), ("owner", "ü @x")]),
    };
    assert_eq!(found, expected);
}

#[tokio::test]
async fn downloads_get_what_was_chosen_for_the_object_but_not_by_the_client() {
    let bucket = Bucket::new();
    let mut by_gate = with(METADATA, 5);
    by_gate.object.content_type = Some("text/csv".into());
    for (store, asked, expected) in [
        (store(&bucket), with(METADATA, 5), vec![]),
        (store(&bucket), by_gate, vec![("content-type", "text/csv")]),
        (
            described(&bucket),
            with(METADATA, 5),
            vec![("content-disposition", "attachment")],
        ),
    ] {
        let id = asked.id.clone();
        properties_of(&bucket, &store, asked).await;
        // Another server, with other settings.
        let store = super::store(&bucket);
        let content = store.reader().unwrap().read(&id).await.unwrap();
        let headers = content.headers();
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(headers, expected);
    }
}

#[tokio::test]
async fn whatever_a_client_calls_its_type_the_upload_can_be_finished() {
    let bucket = Bucket::new();
    let long = format!("text/plain; x={}", "y".repeat(256));
    for (filetype, is_type) in [
        ("image/png", true),
        ("text/plain; charset=utf-8", true),
        ("application/vnd.a+b", true),
        ("", false),
        ("png", false),
        ("image/", false),
        ("*/*", false),
        ("text/a b", false),
        ("text/plain\r\nx-amz-acl: public-read", false),
        ("text/plain;  charset=utf-8", false),
        (" text/plain", false),
        ("text/plain; x=ä", false),
        ("text/plain; x=\0", false),
        (&long, false),
    ] {
        let asked = with(&[("filetype", filetype)], 5);
        let found = properties_of(&bucket, &store(&bucket), asked).await;
        let expected = is_type.then(|| filetype.to_owned());
        assert_eq!(found.content_type, expected, "{filetype:?}");
    }
    let mut bytes = new(Some(5));
    bytes.metadata = Metadata::from_pairs([("filetype", &b"text/\xff"[..])]).unwrap();
    let found = properties_of(&bucket, &store(&bucket), bytes).await;
    assert_eq!(found.content_type, None);
}

#[tokio::test]
async fn a_client_with_more_metadata_than_an_object_can_have_is_told_so() {
    let bucket = Bucket::new();
    let store = store(&bucket).metadata_keys(["filename"]);
    for (len, is_fit) in [(1_900, true), (1_980, false), (4_000, false)] {
        let name = "x".repeat(len);
        let created = store.create(with(&[("filename", &name)], 5)).await;
        match is_fit {
            true => drop(created.unwrap()),
            false => assert!(matches!(created, Err(Error::MetadataTooLarge)), "{len}"),
        }
        // Those that are not listed do not count.
        store.create(with(&[("other", &name)], 5)).await.unwrap();
    }
}

#[tokio::test]
async fn the_mark_of_an_upload_cannot_be_chosen() {
    let bucket = Bucket::new();
    let taken = store(&bucket).metadata_keys(["TowerTus"]);
    assert!(taken.check_properties().is_err());
    let why = refused(&taken, with(&[("TowerTus", "x")], 5)).await;
    assert!(
        why.contains("towertus") && why.contains("reserved"),
        "{why}"
    );
    let mut asked = new(Some(5));
    asked.object.metadata = pairs([("TOWERTUS", "x")]);
    let why = refused(&store(&bucket), asked).await;
    assert!(why.contains("reserved"), "{why}");
}

#[tokio::test]
async fn what_no_object_can_have_is_refused_at_creation_and_named() {
    let bucket = Bucket::new();
    let mut asked = [(); 10].map(|()| new(Some(5)));
    asked[0].object.content_type = Some("text/ä".into());
    asked[1].object.content_disposition = Some("a\r\nb".into());
    asked[2].object.cache_control = Some(" no-store".into());
    asked[3].object.storage_class = Some("x".repeat(2_000));
    asked[4].object.metadata = pairs([("a b", "x")]);
    asked[5].object.metadata = pairs([("name", &"x".repeat(3_000))]);
    asked[6].object.tags = pairs([("", "x")]);
    asked[7].object.tags = pairs([("a", "b;c")]);
    asked[8].object.tags = pairs([("a", &"x".repeat(257))]);
    asked[9].object.tags = (0..11).map(|n| (n.to_string(), String::new())).collect();
    let names = [
        "Content-Type",
        "Content-Disposition",
        "Cache-Control",
        "storage class",
        "a b",
        "bytes",
        "tag",
        "b;c",
        "256",
        "10 tags",
    ];
    for (asked, name) in asked.into_iter().zip(names) {
        let why = refused(&store(&bucket), asked).await;
        assert!(why.contains(name), "{name}: {why}");
    }
    for (set, name) in [
        (store(&bucket).cache_control("a\nb"), "Cache-Control"),
        (store(&bucket).tag("a", "?"), "tag"),
        (store(&bucket).metadata_keys(["a b"]), "a b"),
    ] {
        assert!(set.check_properties().is_err());
        let why = refused(&set, new(Some(5))).await;
        assert!(why.contains(name), "{name}: {why}");
    }
    let without_tags = Bucket::with(Rules {
        max_tags: 0,
        ..Rules::S3
    });
    let why = refused(&store(&without_tags).tag("a", "b"), new(Some(5))).await;
    assert!(why.contains("cannot have tags"), "{why}");
    assert!(bucket.keys().is_empty());
    assert!(described(&bucket).check_properties().is_ok());
}

//! Finals of several uploads.

use http::HeaderValue;
use tower_tus_layers::protocol::{Concat, Interrupt, Role};
use tower_tus_layers::store::Concatenator;

use super::*;
use crate::store::object::objects::Rules;

const MIN: u64 = 4 * KIB;
const MAX: u64 = PART;

fn rules() -> Rules {
    Rules {
        min_part: MIN,
        max_part: MAX,
        ..Rules::S3
    }
}

fn of_role(role: Role, raw: &'static str, length: Option<u64>) -> NewUpload {
    let mut new = new(length);
    new.concat = Some(Concat::new(role, Some(HeaderValue::from_static(raw))));
    new
}

pub(super) fn new_final(parts: &[UploadId], pending: bool) -> NewUpload {
    let parts = parts.to_vec();
    of_role(Role::Final { parts, pending }, "final;/a /b", None)
}

/// Uploads parts of these sizes whose bytes follow each other.
pub(super) async fn upload(store: &ObjectStore, lens: &[u64]) -> Vec<UploadId> {
    let (mut ids, mut from) = (Vec::new(), 0);
    for len in lens {
        let role = Role::Partial { awaited_by: vec![] };
        let part = of_role(role, "partial", Some(*len));
        let mut handle = store.create(part).await.unwrap();
        let mut body = StreamBody::new(stream::iter([Ok(Frame::data(bytes(from, from + len)))]));
        let appended = handle
            .append(Chunk::new(&mut body), options(WriteMode::Streaming))
            .await;
        assert!(appended.error.is_none());
        handle.finish_and_record().await.unwrap();
        ids.push(handle.info().id.clone());
        from += len;
    }
    ids
}

/// Checks that a final has all bytes in its object, and nothing else.
async fn holds(bucket: &Bucket, id: &UploadId, length: u64) {
    let found = store(bucket).open(id).await.unwrap();
    assert!(found.info().is_complete() && !found.info().is_pending());
    assert_eq!(found.info().length, Some(Length::saturating(length)));
    let stored = bucket.bytes(id.as_str()).unwrap();
    assert!(stored == bytes(0, length), "other bytes of {length}");
}

/// The sizes of parts, and the number of bytes that go through memory.
const FINALS: &[(&[u64], u64)] = &[
    (&[1], 1),
    (&[1, 0, 2], 3),
    (&[1; 30], 30),
    (&[MIN, MIN], 2 * MIN),
    (&[MIN + 1; 20], 0),
    (&[MIN; 20], 20 * MIN),
    (&[2 * MAX + 1, 3 * MAX], 0),
    (&[MAX, 1], 1),
    (&[1, MAX], MIN),
    (&[1, MAX + MIN - 1], MIN),
    (&[MIN - 1, MIN - 1, 3 * MAX, 5, 5, 2 * MAX], 3 * MIN),
];

#[tokio::test]
async fn a_final_is_copied_inside_the_store_wherever_parts_are_large_enough() {
    for (lens, through_memory) in FINALS {
        let (bucket, length) = (Bucket::with(rules()), lens.iter().sum());
        let store = store(&bucket);
        let parts = upload(&store, lens).await;
        let before = bucket.sent_in_parts();
        let asked = new_final(&parts, false);
        let made = store.concatenate(asked, &Interrupt::default()).await;
        let mut made = made.unwrap();
        let sent = bucket.sent_in_parts() - before;
        let inline = if length <= 64 * KIB { length } else { 0 };
        assert!(inline > 0 || sent <= *through_memory, "{lens:?}: {sent}");
        holds(&bucket, &made.info().id, length).await;
        made.finish_and_record().await.unwrap();
        assert!(made.info().is_finished());
        assert_eq!(bucket.multiparts_left(), 0);
    }
}

#[tokio::test]
async fn a_final_is_sent_again_where_parts_cannot_be_copied() {
    let without = Rules {
        copies_parts: false,
        ..rules()
    };
    let equal = Rules {
        equal_parts: true,
        copies_parts: false,
        ..rules()
    };
    for rules in [without, equal] {
        for (lens, _) in FINALS {
            let (bucket, length) = (Bucket::with(rules.clone()), lens.iter().sum());
            let store = store(&bucket).memory(PART);
            let parts = upload(&store, lens).await;
            let asked = new_final(&parts, false);
            let made = store.concatenate(asked, &Interrupt::default()).await;
            holds(&bucket, &made.unwrap().info().id, length).await;
        }
    }
}

#[tokio::test]
async fn an_interrupt_in_the_middle_leaves_nothing_behind() {
    let bucket = Bucket::with(rules());
    let store = store(&bucket).parts_at_once(1);
    let parts = upload(&store, &[MAX, MAX, 5, MAX]).await;
    let keys = bucket.keys();
    for is_pending in [false, true] {
        let asked = new_final(&parts, is_pending);
        let id = asked.id.clone();
        let interrupt = Interrupt::default();
        bucket.fire_at_copy(&interrupt);
        let error = match is_pending {
            false => store.concatenate(asked, &interrupt).await.err(),
            true => {
                store.create(asked).await.unwrap();
                store.assemble(&id, &interrupt).await.err()
            }
        };
        assert!(matches!(error, Some(Error::Interrupted)), "{error:?}");
        assert_eq!(bucket.multiparts_left(), 0);
        match is_pending {
            false => assert_eq!(bucket.keys(), keys),
            true => {
                assert!(store.open(&id).await.unwrap().info().is_pending());
                store.assemble(&id, &Interrupt::default()).await.unwrap();
                holds(&bucket, &id, 3 * MAX + 5).await;
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_object_is_not_replaced_by_a_final() {
    for lens in [&[5][..], &[MAX, MAX]] {
        let bucket = Bucket::with(rules());
        let store = store(&bucket);
        let parts = upload(&store, lens).await;
        let asked = new_final(&parts, false);
        let id = asked.id.clone();
        bucket.put_foreign(id.as_str(), b"foreign").await;
        let made = store.concatenate(asked, &Interrupt::default()).await;
        assert!(matches!(made, Err(Error::UploadExists)), "{made:?}");
        assert_eq!(bucket.bytes(id.as_str()).unwrap(), "foreign");
        assert!(matches!(store.open(&id).await, Err(Error::NotFound)));
        assert_eq!(bucket.multiparts_left(), 0);
    }
}

//! Cases for stores that concatenate uploads.

use std::sync::Arc;

use http::HeaderValue;

use super::{append_whole, offset, state};
use crate::protocol::{
    Concat, Error, FinishState, Interrupt, Length, Metadata, NewUpload, Role, Upload, UploadId,
};
use crate::store::{Concatenator, Handle, Store};
use crate::suite::{Suite, cases};

/// The size of a part. Three parts exceed the 16 MiB that a store may copy
/// between two checks of an interrupt.
const LARGE: usize = 8 << 20;

pub(super) async fn run(suite: &mut Suite, open: &impl Fn() -> Arc<dyn Store>) {
    cases!(suite, open;
        a_role_and_its_exact_text_are_kept,
        a_final_has_the_bytes_of_its_parts_in_their_order,
        a_final_of_an_incomplete_part_is_not_made,
        the_id_of_a_final_is_taken_once,
        a_pending_final_is_assembled_once,
        a_pending_final_with_a_missing_part_stays_pending,
        an_interrupted_final_leaves_nothing,
        a_part_knows_the_finals_that_wait_for_it,
    );
}

/// Returns the store's capability to concatenate.
fn concatenator(store: &dyn Store) -> &dyn Concatenator {
    store.concatenator().expect("the capability is still there")
}

/// Builds the upload that a client requests with `raw`.
fn new(role: Role, raw: &'static [u8], length: Option<u32>) -> NewUpload {
    let mut new = NewUpload::new(length.map(Length::from), Metadata::default());
    let raw = HeaderValue::from_bytes(raw).expect("the header value is valid");
    new.concat = Some(Concat::new(role, Some(raw)));
    new
}

fn new_final(parts: &[UploadId]) -> NewUpload {
    let role = Role::Final {
        parts: parts.to_vec(),
        pending: false,
    };
    new(role, b"final;/a /b", None)
}

fn new_pending(parts: &[UploadId]) -> NewUpload {
    let role = Role::Final {
        parts: parts.to_vec(),
        pending: true,
    };
    new(role, b"final;/a /b", None)
}

/// Creates a partial of ten bytes, and stores `text` in it.
async fn partial(store: &dyn Store, text: &'static str) -> UploadId {
    let role = Role::Partial { awaited_by: vec![] };
    let made = store.create(new(role, b"partial", Some(10))).await;
    let mut made = made.expect("a partial can be created");
    append_whole(&mut *made, text).await;
    made.info().id.clone()
}

async fn info(store: &dyn Store, id: &UploadId) -> Upload {
    let found = store.open(id).await.expect("the upload is found");
    state(found.info())
}

/// Asserts what is stored, if the store can be read.
async fn holds(open: &impl Fn() -> Arc<dyn Store>, id: &UploadId, text: &str) {
    let store = open();
    let Some(read) = store.reader() else { return };
    let content = read.read(id).await.expect("the upload is found");
    let (mut bytes, end) = (Vec::new(), text.len() as u64);
    while (bytes.len() as u64) < end {
        let from = bytes.len() as u64;
        let more = content.bytes(from..end).await;
        bytes.extend_from_slice(&more.expect("the bytes can be read"));
    }
    assert_eq!(bytes, text.as_bytes(), "CAT-05");
}

async fn a_role_and_its_exact_text_are_kept(open: &impl Fn() -> Arc<dyn Store>) {
    let (a, b) = (UploadId::random(), UploadId::random());
    for asked in [
        new(Role::Partial { awaited_by: vec![] }, b"partial", Some(10)),
        new(Role::Partial { awaited_by: vec![] }, b"partial", None),
        new_pending(&[a.clone(), b, a]),
    ] {
        let concat = asked.concat.clone();
        let created = open()
            .create(asked)
            .await
            .expect("the upload can be created");
        let found = info(&*open(), &created.info().id).await;
        assert_eq!(
            found,
            state(created.info()),
            "the upload is found as it was created"
        );
        assert_eq!(found.concat, concat, "CAT-16");
    }
}

async fn a_final_has_the_bytes_of_its_parts_in_their_order(open: &impl Fn() -> Arc<dyn Store>) {
    let a = partial(&*open(), "0123456789").await;
    let b = partial(&*open(), "abcdefghij").await;
    for (parts, text) in [
        (vec![&a, &b], "0123456789abcdefghij"),
        (vec![&b, &a], "abcdefghij0123456789"),
        (vec![&a, &a, &b], "01234567890123456789abcdefghij"),
        (vec![&b], "abcdefghij"),
    ] {
        let parts: Vec<_> = parts.into_iter().cloned().collect();
        let mut asked = new_final(&parts);
        asked.metadata = Metadata::parse(b"name d29ybGQ=").expect("the metadata is well formed");
        asked.finishing = Some(FinishState::Pending { attempts: 0 });
        let concat = asked.concat.clone();
        let made = concatenator(&*open())
            .concatenate(asked, &Interrupt::default())
            .await;
        let made = made.expect("complete partials can be concatenated");
        let length = Length::saturating(text.len() as u64);
        assert_eq!(made.info().length, Some(length), "CAT-04");
        assert!(made.info().is_complete(), "CAT-13");

        let found = info(&*open(), &made.info().id).await;
        assert_eq!(
            found,
            state(made.info()),
            "the upload is found as it was created"
        );
        assert_eq!(found.concat, concat, "CAT-16");
        assert_eq!(found.metadata.get("name"), Some(&b"world"[..]));
        assert_eq!(found.finishing, Some(FinishState::Pending { attempts: 0 }));
        holds(open, &found.id, text).await;
        for part in [&a, &b] {
            assert_eq!(offset(&*open(), part).await, 10, "CAT-11");
        }
    }
}

async fn a_final_of_an_incomplete_part_is_not_made(open: &impl Fn() -> Arc<dyn Store>) {
    let whole = partial(&*open(), "0123456789").await;
    let half = partial(&*open(), "01234").await;
    for (parts, missing) in [
        ([whole.clone(), UploadId::random()], true),
        ([whole.clone(), half], false),
    ] {
        let asked = new_final(&parts);
        let id = asked.id.clone();
        let made = concatenator(&*open())
            .concatenate(asked.clone(), &Interrupt::default())
            .await;
        match missing {
            true => assert!(matches!(made, Err(Error::NotFound)), "{made:?}"),
            false => assert!(matches!(made, Err(Error::UploadNotFinished)), "{made:?}"),
        }
        let found = open().open(&id).await;
        assert!(matches!(found, Err(Error::NotFound)), "{found:?}");

        let mut other = NewUpload::new(Some(Length::from(1)), Metadata::default());
        other.id = id;
        let created = open().create(other).await;
        assert!(
            created.is_ok(),
            "the first attempt left something behind: {created:?}"
        );
    }
}

async fn the_id_of_a_final_is_taken_once(open: &impl Fn() -> Arc<dyn Store>) {
    let part = partial(&*open(), "0123456789").await;
    let mut asked = new_final(std::slice::from_ref(&part));
    asked.id = part.clone();
    let made = concatenator(&*open())
        .concatenate(asked, &Interrupt::default())
        .await;
    assert!(matches!(made, Err(Error::UploadExists)), "{made:?}");
    assert_eq!(offset(&*open(), &part).await, 10);
}

async fn pending(store: &dyn Store, parts: &[UploadId]) -> Box<dyn Handle> {
    let made = store.create(new_pending(parts)).await;
    let made = made.expect("a pending final can be created");
    assert!(made.info().is_pending() && !made.info().is_complete());
    assert_eq!(made.info().offset, 0, "a pending final has no bytes");
    made
}

async fn a_pending_final_is_assembled_once(open: &impl Fn() -> Arc<dyn Store>) {
    let a = partial(&*open(), "01234").await;
    let b = partial(&*open(), "abcdefghij").await;
    let made = pending(&*open(), &[a.clone(), b.clone(), a.clone()]).await;
    let id = &made.info().id;

    let assembled = concatenator(&*open())
        .assemble(id, &Interrupt::default())
        .await;
    assert!(matches!(assembled, Err(Error::UploadNotFinished)));
    assert_eq!(
        info(&*open(), id).await,
        state(made.info()),
        "the upload is unchanged"
    );

    let mut rest = open().open(&a).await.expect("the partial is found");
    append_whole(&mut *rest, "56789").await;
    concatenator(&*open())
        .assemble(id, &Interrupt::default())
        .await
        .expect("the final can be assembled");
    let assembled = info(&*open(), id).await;
    assert!(assembled.is_complete() && !assembled.is_pending());
    assert_eq!(assembled.length, Some(Length::from(30)), "CAT-04");
    holds(open, id, "0123456789abcdefghij0123456789").await;

    let terminate = open();
    if let Some(terminate) = terminate.terminator() {
        terminate
            .terminate(&b)
            .await
            .expect("the partial can be terminated");
    }
    concatenator(&*open())
        .assemble(id, &Interrupt::default())
        .await
        .expect("the final can be assembled");
    assert_eq!(info(&*open(), id).await, assembled, "CAT-11");
    let part = concatenator(&*open())
        .assemble(&a, &Interrupt::default())
        .await;
    part.expect("assembling any other upload changes nothing");
    let unknown = concatenator(&*open())
        .assemble(&UploadId::random(), &Interrupt::default())
        .await;
    assert!(matches!(unknown, Err(Error::NotFound)), "{unknown:?}");
}

async fn a_pending_final_with_a_missing_part_stays_pending(open: &impl Fn() -> Arc<dyn Store>) {
    let a = partial(&*open(), "0123456789").await;
    let made = pending(&*open(), &[a, UploadId::random()]).await;
    let assembled = concatenator(&*open())
        .assemble(&made.info().id, &Interrupt::default())
        .await;
    assert!(matches!(assembled, Err(Error::NotFound)), "{assembled:?}");
    let found = info(&*open(), &made.info().id).await;
    assert_eq!(found, state(made.info()), "the upload is unchanged");
}

async fn an_interrupted_final_leaves_nothing(open: &impl Fn() -> Arc<dyn Store>) {
    let text: &'static str = "0123456789abcdef".repeat(LARGE / 16).leak();
    let mut large = new(Role::Partial { awaited_by: vec![] }, b"partial", None);
    large.length = Some(Length::saturating(LARGE as u64));
    let made = open().create(large).await;
    let mut made = made.expect("a partial can be created");
    append_whole(&mut *made, text).await;
    let part = made.info().id.clone();
    let parts = vec![part.clone(); 3];
    let interrupt = Interrupt::default();
    interrupt.fire(Error::Interrupted);

    let asked = new_final(&parts);
    let made = concatenator(&*open())
        .concatenate(asked.clone(), &interrupt)
        .await;
    assert!(matches!(made, Err(Error::Interrupted)), "{made:?}");
    let found = open().open(&asked.id).await;
    assert!(matches!(found, Err(Error::NotFound)), "{found:?}");
    let made = concatenator(&*open())
        .concatenate(asked, &Interrupt::default())
        .await;
    let made = made.expect("the first attempt left nothing behind");
    assert!(made.info().is_complete());

    let pending = pending(&*open(), &parts).await;
    let id = &pending.info().id;
    let assembled = concatenator(&*open()).assemble(id, &interrupt).await;
    assert!(matches!(assembled, Err(Error::Interrupted)));
    let found = info(&*open(), id).await;
    assert_eq!(found, state(pending.info()), "the upload is still pending");
    let assembled = concatenator(&*open())
        .assemble(id, &Interrupt::default())
        .await;
    assembled.expect("assembling can be retried");
    holds(open, id, &text.repeat(3)).await;
}

async fn a_part_knows_the_finals_that_wait_for_it(open: &impl Fn() -> Arc<dyn Store>) {
    let part = partial(&*open(), "01234").await;
    let finals = [UploadId::random(), UploadId::random()];
    for id in &finals {
        let awaited = concatenator(&*open()).await_part(&part, id).await;
        awaited.expect("the record can be written");
    }
    let mut again = open().open(&part).await.expect("the partial is found");
    let concat = again
        .info()
        .concat
        .clone()
        .expect("the upload is a partial");
    assert_eq!(concat.awaited_by(), finals);
    assert_eq!(concat.raw.expect("the raw header is kept"), "partial");
    assert_eq!(again.info().offset, 5, "CAT-14");

    append_whole(&mut *again, "56789").await;
    let done = FinishState::Done;
    again.record(done).await.expect("the record can be written");
    let found = info(&*open(), &part).await;
    let concat = found.concat.expect("the upload is a partial");
    assert_eq!(
        concat.awaited_by(),
        finals,
        "other records do not change it"
    );

    let store = open();
    let plain = super::create(&*store, 10).await;
    let awaited = concatenator(&*store)
        .await_part(&plain.info().id, &finals[0])
        .await;
    assert!(matches!(awaited, Err(Error::InvalidConcat)), "{awaited:?}");
    let awaited = concatenator(&*open())
        .await_part(&finals[0], &finals[1])
        .await;
    assert!(matches!(awaited, Err(Error::NotFound)), "{awaited:?}");
}

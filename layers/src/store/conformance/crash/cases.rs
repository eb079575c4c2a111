//! What the storage is stopped in.

use super::notes::{Ends, Plan};
use super::play::{Play, Step};
use crate::store::WriteMode::{Atomic, Streaming};

pub(super) async fn an_upload_is_created(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 9));
    play.create(&a).await.map(drop)
}

pub(super) async fn an_id_has_segments(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("dir/deep/a", 9));
    let b = play.plan(&Plan::new("dir/b", 5));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 6, Streaming).await?;
    play.create(&b).await.map(drop)
}

/// With a body that breaks off.
pub(super) async fn chunks_follow_each_other(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 16));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 5, Streaming).await?;
    let mut handle = play.open(&a).await?;
    play.append_broken(&mut *handle, 4).await?;
    let mut handle = play.open(&a).await?;
    play.append(&mut *handle, 1, Streaming).await?;
    play.append(&mut *handle, 3, Streaming).await
}

pub(super) async fn atomic_chunks_follow_each_other(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 16));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 6, Atomic).await?;
    let mut handle = play.open(&a).await?;
    play.append(&mut *handle, 1, Atomic).await?;
    play.append(&mut *handle, 6, Atomic).await
}

/// Its bytes are others, and give way to the right ones.
pub(super) async fn an_atomic_chunk_fails(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 16));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 4, Streaming).await?;
    play.append_mismatch(&mut *handle, 9).await?;
    let mut handle = play.open(&a).await?;
    play.append_mismatch(&mut *handle, 3).await?;
    play.append(&mut *handle, 6, Streaming).await
}

pub(super) async fn an_upload_is_finished(play: &mut Play<'_>) -> Step {
    let (a, b) = (Plan::new("a", 9), Plan::new("b", 6));
    let (a, b) = (play.plan(&a), play.plan(&b));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 9, Streaming).await?;
    play.finish(&mut *handle).await?;
    // By a later request.
    let mut handle = play.create(&b).await?;
    play.append(&mut *handle, 6, Atomic).await?;
    let mut handle = play.open(&b).await?;
    play.finish(&mut *handle).await
}

/// For stores that keep answers.
pub(super) async fn an_upload_is_finished_with_an_answer(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 9).answered("well done"));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 9, Streaming).await?;
    play.finish(&mut *handle).await
}

/// With one that fails.
pub(super) async fn atomic_chunks_come_at_once(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 16));
    let mut handle = play.create(&a).await?;
    play.append_at_once(&mut *handle, 6, Atomic).await?;
    let mut handle = play.open(&a).await?;
    play.append_mismatch_at_once(&mut *handle, 5).await?;
    play.append_at_once(&mut *handle, 4, Atomic).await?;
    play.append(&mut *handle, 6, Atomic).await
}

pub(super) async fn an_upload_is_finished_and_recorded_in_one_step(play: &mut Play<'_>) -> Step {
    let (a, b) = (Plan::new("a", 9), Plan::new("b", 6));
    let (a, b) = (play.plan(&a), play.plan(&b));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 9, Streaming).await?;
    play.finish_and_record(&mut *handle).await?;
    // By a later request.
    let mut handle = play.create(&b).await?;
    play.append(&mut *handle, 6, Atomic).await?;
    let mut handle = play.open(&b).await?;
    play.finish_and_record(&mut *handle).await
}

pub(super) async fn an_id_is_fresh(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::fresh(9));
    drop(play.create(&a).await?);
    let mut handle = play.open(&a).await?;
    play.append(&mut *handle, 3, Streaming).await?;
    let mut handle = play.open(&a).await?;
    play.append(&mut *handle, 6, Streaming).await?;
    play.finish_and_record(&mut *handle).await
}

/// Two of them, one with a checksum.
pub(super) async fn an_upload_is_filled_by_its_creation(play: &mut Play<'_>) -> Step {
    for mode in [Streaming, Atomic] {
        let a = play.plan(&Plan::fresh(9));
        let mut handle = play.create(&a).await?;
        play.append_at_once(&mut *handle, 9, mode).await?;
        play.finish_and_record(&mut *handle).await?;
    }
    Ok(())
}

pub(super) async fn an_empty_upload_is_finished(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 0));
    let mut handle = play.create(&a).await?;
    play.finish(&mut *handle).await
}

pub(super) async fn a_length_is_declared(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 9).ending(Ends::AtADeferredLength));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 4, Streaming).await?;
    play.declare(&mut *handle).await?;
    play.append(&mut *handle, 5, Streaming).await?;
    play.finish(&mut *handle).await
}

/// With an atomic chunk, which declares the length after its bytes.
pub(super) async fn a_length_is_declared_at_the_end(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 9).ending(Ends::AtADeferredLength));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 9, Atomic).await?;
    play.declare(&mut *handle).await?;
    play.finish(&mut *handle).await
}

/// For stores that implement `declare_complete`.
pub(super) async fn an_upload_is_declared_complete(play: &mut Play<'_>) -> Step {
    let a = play.plan(&Plan::new("a", 9).ending(Ends::ByClient));
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 5, Streaming).await?;
    let mut handle = play.open(&a).await?;
    play.append(&mut *handle, 4, Streaming).await?;
    play.declare(&mut *handle).await?;
    play.finish(&mut *handle).await
}

/// In three states. One of them is created again.
pub(super) async fn uploads_are_terminated(play: &mut Play<'_>) -> Step {
    let (a, b) = (Plan::new("a", 9), Plan::new("b", 5));
    let (a, b, c) = (
        play.plan(&a),
        play.plan(&b),
        play.plan(&Plan::new("d/c", 3)),
    );
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 4, Streaming).await?;
    play.terminate(&a).await?;
    let mut handle = play.create(&b).await?;
    play.append(&mut *handle, 5, Streaming).await?;
    play.finish(&mut *handle).await?;
    play.terminate(&b).await?;
    drop(play.create(&c).await?);
    play.terminate(&c).await?;
    let mut handle = play.create(&a).await?;
    play.append(&mut *handle, 2, Streaming).await
}

pub(super) async fn two_uploads_grow_side_by_side(play: &mut Play<'_>) -> Step {
    let (a, b) = (Plan::new("a", 9), Plan::new("b", 9));
    let (a, b) = (play.plan(&a), play.plan(&b));
    let mut first = play.create(&a).await?;
    let mut second = play.create(&b).await?;
    play.append(&mut *first, 3, Streaming).await?;
    play.append(&mut *second, 6, Atomic).await?;
    play.append(&mut *first, 6, Atomic).await?;
    play.append(&mut *second, 3, Streaming).await?;
    play.finish(&mut *second).await?;
    play.finish(&mut *first).await
}

/// One of them is terminated afterwards.
pub(super) async fn complete_parts_are_concatenated(play: &mut Play<'_>) -> Step {
    let (a, b) = (Plan::partial("a", 4), Plan::partial("b", 3));
    let whole = Plan::joined("whole", &[&b, &a, &b], false);
    let (a, b, whole) = (play.plan(&a), play.plan(&b), play.plan(&whole));
    for (id, length) in [(&a, 4), (&b, 3)] {
        let mut handle = play.create(id).await?;
        play.append(&mut *handle, length, Streaming).await?;
        play.finish(&mut *handle).await?;
    }
    let mut handle = play.concatenate(&whole).await?;
    play.finish(&mut *handle).await?;
    play.terminate(&a).await
}

pub(super) async fn a_pending_final_is_assembled(play: &mut Play<'_>) -> Step {
    let (a, b) = (Plan::partial("a", 4), Plan::partial("b", 3));
    let c = Plan::partial("c", 2);
    let whole = Plan::joined("whole", &[&a, &b, &c], true);
    let (a, b) = (play.plan(&a), play.plan(&b));
    let (c, whole) = (play.plan(&c), play.plan(&whole));
    let mut first = play.create(&a).await?;
    drop(play.create(&b).await?);
    let mut finished = play.create(&c).await?;
    play.append(&mut *finished, 2, Streaming).await?;
    play.finish(&mut *finished).await?;
    drop(finished);
    drop(play.create(&whole).await?);
    for part in [&a, &b, &c] {
        play.await_part(part, &whole).await?;
    }
    // As the core does it: it has not seen who waits for the part.
    play.append(&mut *first, 4, Streaming).await?;
    let mut first = play.open(&a).await?;
    play.finish(&mut *first).await?;
    let mut second = play.open(&b).await?;
    play.append(&mut *second, 3, Streaming).await?;
    play.finish(&mut *second).await?;
    play.assemble(&whole).await?;
    let mut handle = play.open(&whole).await?;
    play.finish(&mut *handle).await
}

//! Stores the bytes of a request.
//!
//! Bytes become parts as soon as they fill one. The rest goes into the state if it is
//! small, or else into a piece beside it. Nothing counts before the state names it.

mod buffer;
mod pace;
mod receive;
mod sending;
mod writer;

use tower_tus_layers::protocol::{Chunk, Error};
use tower_tus_layers::store::{AppendError, AppendOptions, Appended};

use self::writer::Writer;
use super::handle::ObjectHandle;

pub(super) use self::buffer::Buffer as Held;

/// Stores a chunk.
pub(super) async fn append(
    handle: &mut ObjectHandle,
    mut chunk: Chunk<'_>,
    options: &AppendOptions,
) -> Appended {
    let mut writer = Writer::new(handle, options);
    let received = writer.receive(&mut chunk).await;
    let ended = match received {
        Err(error) if options.mode.is_atomic() => {
            writer.discard().await;
            Err(error)
        }
        Err(AppendError::Store(error)) => {
            writer.keep_what_is_stored().await;
            Err(AppendError::Store(error))
        }
        received => {
            let kept = writer.keep(options).await.map_err(AppendError::Store);
            kept.and(received)
        }
    };
    Appended::new(handle.upload.offset, ended)
}

/// Stores bytes that were held back.
pub(super) async fn release(handle: &mut ObjectHandle, held: Held) -> Result<(), Error> {
    handle.upload = handle.info.upload(handle.upload.id.clone());
    let options = AppendOptions::default();
    let mut writer = Writer::new(handle, &options);
    writer.hold(held);
    writer.keep(&options).await
}

/// Makes the last part of the bytes that are in none.
pub(super) async fn send_rest(handle: &mut ObjectHandle) -> Result<(), Error> {
    match handle.info.state.rest() {
        0 => Ok(()),
        _ => {
            let options = AppendOptions::default();
            Writer::new(handle, &options).keep(&options).await
        }
    }
}

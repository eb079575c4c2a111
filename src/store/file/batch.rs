//! Frames of a chunk, gathered for one write.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use tower_tus_layers::protocol::{Chunk, Error};

/// Number of bytes at which a batch is full. Its last frame may exceed it. Small
/// enough that the bytes are still in the processor's cache when they are
/// written.
const MAX_BYTES: usize = 256 << 10;
/// Number of frames at which a batch is full: the maximum of one `pwritev`.
const MAX_FRAMES: usize = 1024;

/// The part of a chunk that was available without waiting.
#[derive(Debug)]
pub(super) struct Batch {
    /// One or more non-empty frames.
    pub(super) frames: Vec<Bytes>,
    /// How the chunk ended, if it ended.
    pub(super) ended: Option<Result<(), Error>>,
}

impl Batch {
    /// Whether the chunk has ended with it as it should, so that no byte of it
    /// can be refused any more.
    pub(super) const fn ends_well(&self) -> bool {
        matches!(self.ended, Some(Ok(())))
    }

    /// Gathers `first` and all frames that are ready, without waiting for more.
    pub(super) async fn gather(first: Bytes, chunk: &mut Chunk<'_>) -> Self {
        let mut bytes = first.len();
        let mut frames = vec![first];
        let ended = poll_fn(|cx| {
            while bytes < MAX_BYTES && frames.len() < MAX_FRAMES {
                match chunk.poll_data(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        bytes += frame.len();
                        frames.push(frame);
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(None) => return Poll::Ready(Some(Ok(()))),
                    Poll::Pending => break,
                }
            }
            Poll::Ready(None)
        })
        .await;
        Self { frames, ended }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::file::tests::Frames;

    #[tokio::test]
    async fn a_batch_is_what_is_there_up_to_its_bounds() {
        let many = vec![Bytes::from("x"); MAX_FRAMES + 1];
        let large = vec![Bytes::from(vec![0; MAX_BYTES / 2 + 1]); 3];
        for (body, expected) in [(many, MAX_FRAMES), (large, 2)] {
            let mut body = Frames::of(body);
            let mut chunk = Chunk::new(&mut body);
            let first = chunk.next_data().await.unwrap().unwrap();
            let batch = Batch::gather(first, &mut chunk).await;
            assert_eq!(batch.frames.len(), expected);
            assert!(batch.ended.is_none(), "there is more");
            let rest = chunk.next_data().await.unwrap().unwrap();
            let batch = Batch::gather(rest, &mut chunk).await;
            assert_eq!(batch.frames.len(), 1);
            assert!(matches!(batch.ended, Some(Ok(()))));
        }
    }
}

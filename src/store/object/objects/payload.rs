use std::sync::Arc;

use bytes::{Bytes, BytesMut};

/// Bytes to send, in pieces as they came. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload {
    pieces: Arc<[Bytes]>,
    len: u64,
}

impl Payload {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// Returns the bytes as one piece.
    pub(crate) fn to_bytes(&self) -> Bytes {
        match &*self.pieces {
            [piece] => piece.clone(),
            pieces => {
                let len = pieces.iter().map(Bytes::len).sum();
                let mut bytes = BytesMut::with_capacity(len);
                for piece in pieces {
                    bytes.extend_from_slice(piece);
                }
                bytes.freeze()
            }
        }
    }
}

impl FromIterator<Bytes> for Payload {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let pieces: Arc<[Bytes]> = pieces.into_iter().collect();
        Self {
            len: pieces.iter().map(|piece| piece.len() as u64).sum(),
            pieces,
        }
    }
}

impl<B: Into<Bytes>> From<B> for Payload {
    fn from(bytes: B) -> Self {
        std::iter::once(bytes.into()).collect()
    }
}

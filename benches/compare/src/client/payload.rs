//! Bytes to upload.

use std::sync::LazyLock;

use bytes::Bytes;

/// Not zeros: no layer of storage can leave them out.
static BYTES: LazyLock<Bytes> = LazyLock::new(|| {
    let numbers = (0..LARGEST as u32 / 4).map(|i| i.wrapping_mul(0x9e37_79b9));
    numbers.flat_map(u32::to_le_bytes).collect()
});

const LARGEST: usize = 1 << 20;

/// A number of bytes, made by repeating a constant megabyte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    length: u64,
}

impl Payload {
    pub(crate) const fn of(length: u64) -> Self {
        Self { length }
    }

    pub(crate) const fn length(self) -> u64 {
        self.length
    }

    /// Returns the bytes in pieces of `size`, a power of two up to a megabyte.
    pub(crate) fn pieces(self, size: usize) -> impl Iterator<Item = Bytes> {
        assert!(size.is_power_of_two() && size <= LARGEST);
        let count = self.length.div_ceil(size as u64);
        (0..count).map(move |index| {
            let start = index * size as u64;
            let length = (size as u64).min(self.length - start);
            let start = (start % LARGEST as u64) as usize;
            BYTES.slice(start..start + length as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_payload_are_its_length() {
        for (length, size, count) in [
            (0, 16, 0),
            (1, 16, 1),
            (48, 16, 3),
            ((3 << 20) + 1, LARGEST, 4),
        ] {
            let pieces: Vec<_> = Payload::of(length).pieces(size).collect();
            let total: usize = pieces.iter().map(Bytes::len).sum();
            assert_eq!((total as u64, pieces.len()), (length, count));
        }
    }

    #[test]
    fn a_payload_is_the_same_in_pieces_of_any_size() {
        let bytes = |size| -> Vec<u8> { Payload::of(3 << 19).pieces(size).flatten().collect() };
        assert!(bytes(16 << 10) == bytes(LARGEST));
    }
}

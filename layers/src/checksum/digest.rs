//! Adapters for the digests of other crates.

use super::Digest;

/// A digest of the RustCrypto project.
#[derive(Default)]
pub(super) struct Hash<D>(D);

impl<D: sha1::Digest + Send + Sync + 'static> Digest for Hash<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

/// BLAKE3 with its default output of 32 bytes.
#[cfg(feature = "checksum-blake3")]
#[derive(Default)]
pub(super) struct Blake3(blake3::Hasher);

#[cfg(feature = "checksum-blake3")]
impl Digest for Blake3 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().as_bytes().to_vec()
    }
}

/// CRC-32 as in zlib, four bytes in big-endian order.
#[cfg(feature = "checksum-crc32")]
#[derive(Default)]
pub(super) struct Crc32(crc32fast::Hasher);

#[cfg(feature = "checksum-crc32")]
impl Digest for Crc32 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_be_bytes().to_vec()
    }
}

/// CRC-32C (Castagnoli), four bytes in big-endian order.
#[cfg(feature = "checksum-crc32c")]
#[derive(Default)]
pub(super) struct Crc32c(u32);

#[cfg(feature = "checksum-crc32c")]
impl Digest for Crc32c {
    fn update(&mut self, bytes: &[u8]) {
        self.0 = crc32c::crc32c_append(self.0, bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }
}

//! Checksums.

use tower_tus_layers::checksum::{Algorithms, ChecksumLayer};

use super::Stack;
use super::order::Shared;

#[derive(Clone, Debug)]
pub(super) struct Checksums {
    layer: ChecksumLayer,
    verifies: bool,
}

impl Default for Checksums {
    fn default() -> Self {
        Self {
            layer: ChecksumLayer::new(),
            verifies: true,
        }
    }
}

impl Checksums {
    pub(super) fn layer(self, _: &Shared) -> Option<ChecksumLayer> {
        self.verifies.then_some(self.layer)
    }
}

impl Stack {
    /// Verifies checksums, by these algorithms: [`Algorithms::default`] by default.
    pub fn checksums(mut self, algorithms: Algorithms) -> Self {
        self.checksums.layer = self.checksums.layer.algorithms(algorithms);
        self.checksums.verifies = true;
        self
    }

    /// Ignores `Upload-Checksum`.
    pub fn without_checksums(mut self) -> Self {
        self.checksums.verifies = false;
        self
    }

    /// Sets which of the [`checksums`](Self::checksums) a trailer may name: `sha1`,
    /// `sha256`, `crc32` and `crc32c` by default. All of them run over the bytes of a
    /// request that announces one.
    pub fn checksum_trailers(mut self, algorithms: Algorithms) -> Self {
        self.checksums.layer = self.checksums.layer.trailer_algorithms(algorithms);
        self
    }

    /// Sets how many requests with a checksum in a trailer may run at once: 100 by
    /// default. Others are refused with 503.
    pub fn max_checksum_trailers_at_once(mut self, max: usize) -> Self {
        self.checksums.layer = self.checksums.layer.max_trailers_at_once(max);
        self
    }
}

use std::fmt;
use std::sync::Arc;

use super::claim::Claim;
#[cfg(feature = "checksum-blake3")]
use super::digest::Blake3;
#[cfg(feature = "checksum-crc32")]
use super::digest::Crc32;
#[cfg(feature = "checksum-crc32c")]
use super::digest::Crc32c;
use super::digest::Hash;

/// A digest that is computed piece by piece.
///
/// ```
/// use tower_tus_layers::checksum::{Algorithm, Algorithms, Digest};
///
/// /// One byte: the sum of all others.
/// struct Sum(u8);
///
/// impl Digest for Sum {
///     fn update(&mut self, bytes: &[u8]) {
///         self.0 = bytes.iter().fold(self.0, |sum, byte| sum.wrapping_add(*byte));
///     }
///
///     fn finish(self: Box<Self>) -> Vec<u8> {
///         vec![self.0]
///     }
/// }
///
/// let algorithms = Algorithms::none().with(Algorithm::new("sum", 1, || Sum(0)));
/// assert_eq!(algorithms.to_string(), "sum");
/// ```
pub trait Digest: Send + Sync + 'static {
    /// Processes the next bytes. For a few bytes this blocks the task that runs the
    /// request; for many it runs on a blocking thread.
    fn update(&mut self, bytes: &[u8]);

    /// Returns the digest of all bytes, before it is encoded in base64.
    fn finish(self: Box<Self>) -> Vec<u8>;
}

/// A checksum algorithm: its name, and a way to start a digest.
#[derive(Clone)]
pub struct Algorithm {
    name: &'static str,
    length: usize,
    begin: Arc<dyn Fn() -> Box<dyn Digest> + Send + Sync>,
}

impl Algorithm {
    /// Creates the algorithm `name`, whose digests are `length` bytes long and
    /// started by `begin`. A checksum of another length never matches.
    ///
    /// # Panics
    ///
    /// If `name` cannot be sent in the headers: it must be visible ASCII without
    /// capitals and commas.
    #[must_use]
    #[track_caller]
    pub fn new<D: Digest>(
        name: &'static str,
        length: usize,
        begin: impl Fn() -> D + Send + Sync + 'static,
    ) -> Self {
        // CHK-09
        let fits = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && byte != b',';
        assert!(
            !name.is_empty() && name.bytes().all(fits),
            "{name:?} is not a valid algorithm name: use visible ASCII without capitals and commas"
        );
        Self {
            name,
            length,
            begin: Arc::new(move || Box::new(begin())),
        }
    }

    /// Returns the algorithms whose features are enabled.
    pub(super) fn built_in() -> Vec<Self> {
        vec![
            Self::new("sha1", 20, Hash::<sha1::Sha1>::default),
            #[cfg(feature = "checksum-sha2")]
            Self::new("sha256", 32, Hash::<sha2::Sha256>::default),
            #[cfg(feature = "checksum-sha2")]
            Self::new("sha512", 64, Hash::<sha2::Sha512>::default),
            #[cfg(feature = "checksum-md5")]
            Self::new("md5", 16, Hash::<md5::Md5>::default),
            #[cfg(feature = "checksum-crc32")]
            Self::new("crc32", 4, Crc32::default),
            #[cfg(feature = "checksum-crc32c")]
            Self::new("crc32c", 4, Crc32c::default),
            #[cfg(feature = "checksum-blake3")]
            Self::new("blake3", 32, Blake3::default),
        ]
    }

    /// Returns the name that clients use.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether this algorithm can produce the claimed digest at all.
    pub(super) fn can_make(&self, claim: &Claim) -> bool {
        self.name == claim.algorithm && self.length == claim.digest.len()
    }

    /// Starts a digest, for code that computes checksums itself.
    #[must_use]
    pub fn begin(&self) -> Box<dyn Digest> {
        (self.begin)()
    }
}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Algorithm").field(&self.name).finish()
    }
}

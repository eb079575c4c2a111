use tower_layer::Layer;

use super::settings::Settings;
use super::{Algorithms, Checksum};

/// Layer that applies [`Checksum`].
///
/// See the [module docs](crate::checksum) for an example.
#[derive(Clone, Debug, Default)]
pub struct ChecksumLayer {
    settings: Settings,
}

impl ChecksumLayer {
    /// A layer that knows the usual algorithms.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Which algorithms clients may use.
    #[must_use]
    pub fn algorithms(mut self, algorithms: Algorithms) -> Self {
        self.settings.algorithms = algorithms;
        self
    }

    /// Sets which of the [algorithms](Self::algorithms) a trailer may name: by
    /// default `sha1`, `sha256`, `crc32` and `crc32c`. All of them run over the
    /// bytes of such a request, since the trailer comes last. A trailer with
    /// another one is refused at its end, and with none here, trailers are
    /// neither announced nor accepted.
    #[must_use]
    pub fn trailer_algorithms(mut self, algorithms: Algorithms) -> Self {
        self.settings.name_for_trailers(algorithms);
        self
    }

    /// Sets how many requests with a trailer may run at once: 100 by default.
    /// Others are refused with
    /// [`Error::TooManyTrailers`](crate::protocol::Error::TooManyTrailers). Services
    /// that are made by the same layer, or a clone of it, share the limit.
    #[must_use]
    pub fn max_trailers_at_once(mut self, max: usize) -> Self {
        self.settings.bound_trailers(max);
        self
    }
}

impl<S> Layer<S> for ChecksumLayer {
    type Service = Checksum<S>;

    fn layer(&self, inner: S) -> Checksum<S> {
        Checksum::with(inner, self.settings.clone())
    }
}

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
    /// Creates a layer that accepts every built-in algorithm.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the algorithms that clients may use. The default is every built-in one.
    #[must_use]
    pub fn algorithms(mut self, algorithms: Algorithms) -> Self {
        self.settings.algorithms = algorithms;
        self
    }

    /// Sets which of the [algorithms](Self::algorithms) a trailer may name. The
    /// default is `sha1`, `sha256`, `crc32` and `crc32c`. All of them run over the
    /// bytes of such a request, since the trailer comes last. A trailer that names
    /// another one is refused at the end of the body. If none is left, trailers are
    /// neither announced nor accepted.
    #[must_use]
    pub fn trailer_algorithms(mut self, algorithms: Algorithms) -> Self {
        self.settings.name_for_trailers(algorithms);
        self
    }

    /// Limits how many requests with a trailer may run at once; the default is 100.
    /// Further ones are refused with
    /// [`Error::TooManyTrailers`](crate::protocol::Error::TooManyTrailers). All
    /// services made by the same layer, or by a clone of it, share the limit.
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

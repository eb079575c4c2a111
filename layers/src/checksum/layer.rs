use tower_layer::Layer;

use super::{Algorithms, Checksum};

/// Layer that applies [`Checksum`].
///
/// See the [module docs](crate::checksum) for an example.
#[derive(Clone, Debug, Default)]
pub struct ChecksumLayer {
    algorithms: Algorithms,
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
        self.algorithms = algorithms;
        self
    }
}

impl<S> Layer<S> for ChecksumLayer {
    type Service = Checksum<S>;

    fn layer(&self, inner: S) -> Checksum<S> {
        Checksum::new(inner, self.algorithms.clone())
    }
}

use std::sync::Arc;

use tower_layer::Layer;

use super::GateService;
use crate::gate::Gate;

/// Layer that applies [`GateService`].
///
/// See the [module docs](crate::gate) for an example.
#[derive(Clone, Debug)]
pub struct GateLayer {
    gates: Arc<[Arc<dyn Gate>]>,
}

impl GateLayer {
    /// Creates a layer that passes every upload through `gate`.
    pub fn new(gate: impl Gate) -> Self {
        Self::all([Arc::new(gate) as Arc<dyn Gate>])
    }

    /// Creates a layer that calls several gates, in this order.
    pub fn all(gates: impl IntoIterator<Item = Arc<dyn Gate>>) -> Self {
        Self {
            gates: gates.into_iter().collect(),
        }
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = GateService<S>;

    fn layer(&self, inner: S) -> GateService<S> {
        GateService::new(inner, Arc::clone(&self.gates))
    }
}

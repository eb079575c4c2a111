//! Uploads from pages of other origins.

use tower_tus_layers::cors::CorsLayer;

use super::Stack;
use super::order::Shared;

#[derive(Clone, Debug, Default)]
pub(super) struct Cors(Option<CorsLayer>);

impl Cors {
    pub(super) fn layer(self, _: &Shared) -> Option<CorsLayer> {
        self.0
    }
}

impl Stack {
    /// Lets pages of other origins upload, as the layer says. By default they cannot.
    pub fn cors(mut self, cors: CorsLayer) -> Self {
        self.cors = Cors(Some(cors));
        self
    }

    /// Lets no pages of other origins upload, which is the default.
    pub fn without_cors(mut self) -> Self {
        self.cors = Cors(None);
        self
    }
}

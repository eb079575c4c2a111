use std::fmt;

use tower_tus_layers::protocol::BoxError;

/// An error: an object store cannot be used with these settings.
#[derive(Debug)]
pub struct SettingsError(BoxError);

impl SettingsError {
    pub(in crate::store::object::cloud) fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SettingsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

use std::fmt;

use tower_tus_layers::protocol::BoxError;

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::store::object::cloud) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl Keys {
    /// # Errors
    ///
    /// Fails if one cannot be in a header.
    pub(in crate::store::object::cloud) fn new(
        id: &str,
        secret: &str,
        token: Option<&str>,
    ) -> Result<Self, BoxError> {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        for (name, text) in [("access key", Some(id)), ("session token", token)] {
            if !text.is_none_or(is_plain) {
                return Err(format!("the {name} has characters that none can have").into());
            }
        }
        Ok(Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            token: token.map(str::to_owned),
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

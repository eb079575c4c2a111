use std::sync::Arc;

/// The path below which uploads live: `/`, or with a slash at both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasePath(Arc<str>);

impl BasePath {
    /// `path`, with or without the slashes at its ends.
    #[must_use]
    pub fn new(path: &str) -> Self {
        match path.trim_matches('/') {
            "" => Self("/".into()),
            path => Self(format!("/{path}/").into()),
        }
    }

    /// The path with a slash at both ends.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the base in a raw path, when the path is the base with or
    /// without its last slash, or below it.
    ///
    /// ```
    /// use tower_tus_layers::route::BasePath;
    ///
    /// let base = BasePath::new("/files");
    /// assert_eq!(base.strip("/files"), Some(""));
    /// assert_eq!(base.strip("/files/a"), Some("a"));
    /// assert_eq!(base.strip("/filesystem"), None);
    /// ```
    #[must_use]
    pub fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        match path.strip_prefix(&*self.0) {
            None if self.0.strip_suffix('/') == Some(path) => Some(""),
            rest => rest,
        }
    }
}

impl Default for BasePath {
    /// `/files/`
    fn default() -> Self {
        Self::new("files")
    }
}

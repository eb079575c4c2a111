use std::sync::Arc;

/// The path below which uploads live: `/`, or one that begins and ends with a
/// slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasePath(Arc<str>);

impl BasePath {
    /// Creates a base path; `path` may omit the slashes at its ends.
    #[must_use]
    pub fn new(path: &str) -> Self {
        match path.trim_matches('/') {
            "" => Self("/".into()),
            path => Self(format!("/{path}/").into()),
        }
    }

    /// Returns the path with a slash at both ends.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the rest of a raw path that is below the base, or that is the
    /// base with or without its last slash.
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
    /// Returns `/files/`.
    fn default() -> Self {
        Self::new("files")
    }
}

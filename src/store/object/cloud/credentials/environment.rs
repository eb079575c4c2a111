use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs, io};

use tower_tus_layers::protocol::BoxError;

/// The variables of the process; others in tests.
#[derive(Clone)]
pub(in crate::store::object::cloud) struct Environment(
    Arc<dyn Fn(&str) -> Option<String> + Send + Sync>,
);

impl Environment {
    pub(in crate::store::object::cloud) fn of_process() -> Self {
        Self(Arc::new(|name| env::var(name).ok()))
    }

    /// Returns the value of a variable that is not empty.
    pub(in crate::store::object::cloud) fn var(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// Returns the path in a variable, or one below the user's home.
    pub(super) fn path(&self, name: &str, below_home: &str) -> Option<PathBuf> {
        let below_home = || Some(Path::new(&self.var("HOME")?).join(below_home));
        self.var(name).map(PathBuf::from).or_else(below_home)
    }

    /// Reads a file, if it exists.
    pub(super) fn read(path: Option<PathBuf>) -> Result<String, BoxError> {
        let Some(path) = path else {
            return Ok(String::new());
        };
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(format!("cannot read {}: {error}", path.display()).into()),
        }
    }

    #[cfg(test)]
    pub(in crate::store::object::cloud) fn of(vars: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let vars: std::collections::HashMap<String, String> = vars.iter().map(own).collect();
        Self(Arc::new(move |name| vars.get(name).cloned()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Algorithm;
use super::claim::Claim;

/// The algorithms that clients may use. Clones share one list.
///
/// The default is every built-in algorithm. Parse a list to select some of them, or
/// [add](Self::with) your own:
///
/// ```
/// use tower_tus_layers::checksum::Algorithms;
///
/// let all = Algorithms::default();
/// assert_eq!(all.to_string(), "sha1,sha256,sha512,md5,crc32,crc32c,blake3");
///
/// let two: Algorithms = "sha256,sha1".parse()?;
/// assert_eq!(two.to_string(), "sha1,sha256");
///
/// assert!("sha3".parse::<Algorithms>().is_err());
/// # Ok::<_, tower_tus_layers::checksum::UnknownAlgorithm>(())
/// ```
///
/// The protocol requires `sha1`. It is always listed first.
// CHK-08
#[derive(Clone, Debug)]
pub struct Algorithms(Arc<Vec<Algorithm>>);

impl Algorithms {
    /// Creates an empty set, to which algorithms can be added.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::default())
    }

    /// Adds `algorithm`, replacing any with the same name.
    #[must_use]
    pub fn with(mut self, algorithm: Algorithm) -> Self {
        let all = Arc::make_mut(&mut self.0);
        let same = all
            .iter_mut()
            .find(|known| known.name() == algorithm.name());
        match same {
            Some(known) => *known = algorithm,
            None => all.push(algorithm),
        }
        all.sort_by_key(|known| known.name() != "sha1");
        self
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the algorithm with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Algorithm> {
        self.iter().find(|known| known.name() == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Algorithm> {
        self.0.iter()
    }

    /// Whether this digest can be verified. One of the wrong length can: it does not
    /// match.
    // CHK-03, CHK-12
    pub(super) fn know(&self, claim: &Claim) -> bool {
        self.get(&claim.algorithm).is_some()
    }
}

impl Default for Algorithms {
    fn default() -> Self {
        Algorithm::built_in()
            .into_iter()
            .fold(Self::none(), Self::with)
    }
}

/// Lists the names like `Tus-Checksum-Algorithm` does.
// CHK-11
impl fmt::Display for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Algorithm::name).collect();
        f.write_str(&names.join(","))
    }
}

/// Parses a list of built-in algorithms, in the format of [`Display`](fmt::Display).
impl FromStr for Algorithms {
    type Err = UnknownAlgorithm;

    fn from_str(names: &str) -> Result<Self, UnknownAlgorithm> {
        let known = Self::default();
        let names = names.split(',').map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .try_fold(Self::none(), |some, name| match known.get(name) {
                Some(algorithm) => Ok(some.with(algorithm.clone())),
                None => Err(UnknownAlgorithm(name.to_owned())),
            })
    }
}

/// Error: no built-in algorithm has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm(String);

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no checksum algorithm is called {:?}", self.0)
    }
}

impl StdError for UnknownAlgorithm {}

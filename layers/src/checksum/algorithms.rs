use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Algorithm;
use super::claim::Claim;

/// The algorithms that clients may use. A clone shares them.
///
/// All that are known here, unless narrowed down to some or extended by others:
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
/// The protocol wants `sha1` to be among them, and it is named first. CHK-08
#[derive(Clone, Debug)]
pub struct Algorithms(Arc<Vec<Algorithm>>);

impl Algorithms {
    /// No algorithm, yet.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::default())
    }

    /// These and `algorithm`, which takes the place of one of the same name.
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

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Algorithm> {
        self.iter().find(|known| known.name() == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Algorithm> {
        self.0.iter()
    }

    /// Whether this digest can be verified. One of another length than its
    /// algorithm has can be: it does not match. CHK-03, CHK-12
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

/// As `Tus-Checksum-Algorithm` lists them. CHK-11
impl fmt::Display for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Algorithm::name).collect();
        f.write_str(&names.join(","))
    }
}

/// Some of those that are known here, as [`Display`](fmt::Display) lists them.
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

/// No algorithm of this name is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm(String);

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no checksum algorithm is called {:?}", self.0)
    }
}

impl StdError for UnknownAlgorithm {}

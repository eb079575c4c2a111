use std::fmt;
use std::str::FromStr;

/// Which data survives a power cut.
///
/// Even after `kill -9`, no acknowledged byte is lost, whatever the value. Each
/// value includes the promises of the one before it.
///
/// ```
/// use tower_tus::store::file::Durability;
///
/// assert_eq!("offset".parse(), Ok(Durability::Offset));
/// assert_eq!(Durability::default(), Durability::Finish);
/// assert!(Durability::None < Durability::Finish);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Only data that the operating system has already written.
    None,
    /// Finished uploads, and that an upload is terminated. Unfinished ones may
    /// lose bytes.
    #[default]
    Finish,
    /// Every acknowledged byte, and every upload that was created.
    Offset,
}

impl Durability {
    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Finish => "finish",
            Self::Offset => "offset",
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Durability {
    type Err = InvalidDurability;

    fn from_str(text: &str) -> Result<Self, InvalidDurability> {
        [Self::None, Self::Finish, Self::Offset]
            .into_iter()
            .find(|durability| durability.as_str() == text)
            .ok_or(InvalidDurability(()))
    }
}

/// An error: the text is not a [`Durability`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDurability(());

impl fmt::Display for InvalidDurability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("durability is none, finish or offset")
    }
}

impl std::error::Error for InvalidDurability {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_prints() {
        for text in ["none", "finish", "offset"] {
            assert_eq!(text.parse::<Durability>().unwrap().to_string(), text);
        }
        for text in ["", "Finish", "offsets", " none"] {
            assert!(text.parse::<Durability>().is_err(), "{text:?} was taken");
        }
    }
}

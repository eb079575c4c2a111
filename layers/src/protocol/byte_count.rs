use std::fmt;
use std::str::FromStr;

/// The largest offset or length: 2^63-1, because tusd and its hooks use signed
/// 64-bit numbers.
const MAX: u64 = i64::MAX as u64;

/// Error for a number above 2^63-1, or a text that is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidByteCount(());

impl fmt::Display for InvalidByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a number of bytes up to 2^63-1")
    }
}

impl std::error::Error for InvalidByteCount {}

macro_rules! byte_count {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// Zero bytes.
            pub const ZERO: Self = Self(0);
            /// 2^63-1 bytes.
            pub const MAX: Self = Self(MAX);

            /// Returns `bytes`, limited to the [maximum](Self::MAX).
            #[must_use]
            pub const fn saturating(bytes: u64) -> Self {
                Self(if bytes > MAX { MAX } else { bytes })
            }

            /// Returns the number of bytes.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// Adds a number of bytes; the result is limited to the
            /// [maximum](Self::MAX).
            #[must_use]
            pub fn saturating_add(self, bytes: u64) -> Self {
                Self::saturating(self.0.saturating_add(bytes))
            }

            /// Adds a number of bytes, or returns `None` if the result would
            /// exceed the [maximum](Self::MAX).
            #[must_use]
            pub fn checked_add(self, bytes: u64) -> Option<Self> {
                self.0.checked_add(bytes)?.try_into().ok()
            }
        }

        impl TryFrom<u64> for $name {
            type Error = InvalidByteCount;

            fn try_from(bytes: u64) -> Result<Self, InvalidByteCount> {
                match bytes {
                    0..=MAX => Ok(Self(bytes)),
                    _ => Err(InvalidByteCount(())),
                }
            }
        }

        impl From<u32> for $name {
            fn from(bytes: u32) -> Self {
                Self(bytes.into())
            }
        }

        impl From<$name> for u64 {
            fn from(count: $name) -> Self {
                count.0
            }
        }

        /// Accepts digits only, without a sign.
        impl FromStr for $name {
            type Err = InvalidByteCount;

            fn from_str(digits: &str) -> Result<Self, InvalidByteCount> {
                // `u64` would accept a leading `+`.
                if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(InvalidByteCount(()));
                }
                let bytes: u64 = digits.parse().map_err(|_| InvalidByteCount(()))?;
                bytes.try_into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl PartialEq<u64> for $name {
            fn eq(&self, bytes: &u64) -> bool {
                self.0 == *bytes
            }
        }
    };
}

byte_count! {
    /// The offset of an upload: the number of stored bytes, at most 2^63-1.
    ///
    /// ```
    /// use tower_tus_layers::protocol::{Length, Offset};
    ///
    /// let length = Length::from(11);
    /// let offset = Offset::ZERO.checked_add(5).unwrap();
    /// assert_eq!(length.remaining(offset), 6);
    /// assert_eq!("5".parse(), Ok(offset));
    /// assert!(Offset::try_from(1_u64 << 63).is_err());
    /// ```
    Offset
}

byte_count! {
    /// The length of an upload: the number of bytes when complete, at most
    /// 2^63-1.
    Length
}

impl Offset {
    /// Returns the number of bytes from `earlier` to here, or 0 if `earlier` is
    /// larger.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Length {
    /// Returns the number of bytes that are missing at `offset`, or 0 if there
    /// are none.
    #[must_use]
    pub fn remaining(self, offset: Offset) -> u64 {
        self.0.saturating_sub(offset.0)
    }
}

/// The length of a complete upload with this offset.
impl From<Offset> for Length {
    fn from(offset: Offset) -> Self {
        Self(offset.0)
    }
}

/// The offset at which an upload of this length is complete.
impl From<Length> for Offset {
    fn from(length: Length) -> Self {
        Self(length.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_digits_up_to_the_largest_signed_integer() {
        for good in ["0", "7", "007", "9223372036854775807"] {
            let offset: Offset = good.parse().unwrap();
            assert_eq!(offset.get(), good.parse::<u64>().unwrap());
        }
        for bad in [
            "",
            "-1",
            "+1",
            "1.5",
            "1e3",
            "0x10",
            "1_0",
            " 1",
            "1,2",
            "abc",
            "\u{661}",
            "9223372036854775808",
            "18446744073709551616",
        ] {
            assert!(bad.parse::<Length>().is_err(), "{bad:?} was read");
        }
    }

    #[test]
    fn no_count_is_beyond_the_maximum() {
        assert_eq!(Offset::try_from(MAX), Ok(Offset::MAX));
        assert!(Offset::try_from(MAX + 1).is_err());
        assert_eq!(Offset::saturating(u64::MAX), Offset::MAX);
        assert_eq!(Offset::MAX.checked_add(0), Some(Offset::MAX));
        assert_eq!(Offset::MAX.checked_add(1), None);
        assert_eq!(Offset::MAX.checked_add(u64::MAX), None);
        assert_eq!(Offset::MAX.saturating_add(u64::MAX), Offset::MAX);
        assert_eq!(Offset::from(1).saturating_add(2), 3);
    }

    #[test]
    fn differences_do_not_wrap() {
        let (five, nine) = (Offset::from(5), Offset::from(9));
        assert_eq!((nine.since(five), five.since(nine)), (4, 0));
        assert_eq!(Length::from(9).remaining(five), 4);
        assert_eq!(Length::from(5).remaining(nine), 0);
    }
}

//! The host to listen on.

use std::convert::Infallible;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A name or an address, an IPv6 address with or without its brackets.
#[derive(Clone, Debug)]
pub(crate) struct Host(String);

impl Host {
    /// The name or address, without brackets.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        Ok(Self(match bare.unwrap_or(text) {
            "" => Ipv4Addr::UNSPECIFIED.to_string(),
            host => host.to_owned(),
        }))
    }
}

/// Writes the host in the form that a URL needs.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]", self.0)
        } else {
            f.write_str(&self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_shown_as_in_a_url() {
        let shown = |text: &str| text.parse::<Host>().unwrap().to_string();
        assert_eq!(shown("localhost"), "localhost");
        assert_eq!(shown("0.0.0.0"), "0.0.0.0");
        assert_eq!(shown(""), "0.0.0.0");
        assert_eq!(shown("::1"), "[::1]");
        assert_eq!(shown("[::1]"), "[::1]");
    }
}

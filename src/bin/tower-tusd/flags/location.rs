//! Flags about the URLs of uploads.

use clap::Args;
use http::Uri;
use http::uri::PathAndQuery;
use tower_tus::layers::route::BasePath;

/// tusd's flags about URLs, and two more.
#[derive(Debug, Args)]
#[command(next_help_heading = "URLs")]
pub(crate) struct LocationFlags {
    /// Path of the upload URLs
    #[arg(long, default_value = "/files/", value_parser = base_path)]
    pub(crate) base_path: BasePath,

    /// Trusts a proxy about the URL: Forwarded, X-Forwarded-Host, -Proto, -Port, -Prefix
    #[arg(long)]
    pub(crate) behind_proxy: bool,

    /// Public http or https URL of the uploads: Location begins with it, whatever a request says
    #[arg(long, default_value = "", hide_default_value = true, value_parser = public_url)]
    public_url: PublicUrl,

    /// Makes Location a path instead of a URL
    #[arg(long)]
    pub(crate) relative_location: bool,
}

/// An http or https URL, if any.
#[derive(Clone, Debug)]
struct PublicUrl(Option<String>);

impl LocationFlags {
    /// Why two of them exclude each other.
    pub(super) fn conflict(&self) -> Option<&'static str> {
        let both = self.relative_location && self.public_url().is_some();
        both.then_some("-relative-location and -public-url exclude each other")
    }

    /// The public URL, if it is set.
    pub(crate) fn public_url(&self) -> Option<&str> {
        self.public_url.0.as_deref()
    }
}

/// A path of a URL. tusd accepts whole URLs too, whose host would have no effect here.
fn base_path(text: &str) -> Result<BasePath, &'static str> {
    let base = BasePath::new(text);
    match base.as_str().parse::<PathAndQuery>() {
        Ok(parsed) if parsed.path() == base.as_str() && !text.contains("://") => Ok(base),
        _ => Err("not the path of a URL"),
    }
}

fn public_url(text: &str) -> Result<PublicUrl, &'static str> {
    const INVALID: &str = "not an http or https URL, such as https://example.com/files/";

    if text.is_empty() {
        return Ok(PublicUrl(None));
    }
    let uri: Uri = text.parse().map_err(|_| INVALID)?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().ok_or(INVALID)?;
    let is_host = !authority.host().is_empty() && !authority.as_str().contains('@');
    let is_port = authority.port_u16().is_some() || authority.as_str() == authority.host();
    // `Uri` drops a fragment.
    let is_base = uri.query().is_none() && !text.contains('#');
    match is_http && is_host && is_port && is_base {
        true => Ok(PublicUrl(Some(text.to_owned()))),
        false => Err(INVALID),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_http_url_without_a_query() {
        for good in [
            "https://example.com/api/files/",
            "http://example.com:8080",
            "https://[::1]:8443/files",
            "HTTPS://example.com/",
        ] {
            assert!(public_url(good).unwrap().0.is_some(), "{good}");
        }
        assert!(public_url("").unwrap().0.is_none());
        for bad in [
            "example.com/files/",
            "/files/",
            "//example.com/files/",
            "ftp://example.com/",
            "https://",
            "https:///files/",
            "https://:80/",
            "https://example.com:port/",
            "https://example.com:99999/",
            "https://user@example.com/",
            "https://example.com/?a",
            "https://example.com/#a",
            "https://example.com/my files/",
        ] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }
}

//! Flags about pages of other origins.

use clap::Args;
use http::{HeaderName, Method};
use regex::bytes::{Regex, RegexBuilder};

use super::anchors::advice;
use super::go;
use super::list::{List, list};

/// tusd's flags about CORS.
#[derive(Debug, Args)]
#[command(next_help_heading = "CORS")]
pub(crate) struct CorsFlags {
    /// Disables CORS: sends no CORS headers and refuses no origin
    #[arg(long)]
    pub(crate) disable_cors: bool,

    /// Regular expression for allowed origins, found anywhere in them; use ^ and $ to match the whole origin
    #[arg(long, default_value = ".*", value_parser = expression)]
    pub(crate) cors_allow_origin: Regex,

    /// Allows pages to send cookies and other credentials
    #[arg(long)]
    pub(crate) cors_allow_credentials: bool,

    /// Additional methods to allow, separated by commas
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<Method>)]
    pub(crate) cors_allow_methods: List<Method>,

    /// Additional request headers to allow, separated by commas
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<HeaderName>)]
    pub(crate) cors_allow_headers: List<HeaderName>,

    /// Additional response headers that pages may read, separated by commas
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<HeaderName>)]
    pub(crate) cors_expose_headers: List<HeaderName>,

    /// Seconds that a browser may cache the answer to a preflight request
    #[arg(long, default_value = "86400", value_parser = go::integer::<u32>)]
    pub(crate) cors_max_age: u32,
}

impl CorsFlags {
    /// Warns when pages of other origins could act in the name of their visitors.
    pub(crate) fn warning(&self) -> Option<String> {
        if self.disable_cors || !self.cors_allow_credentials {
            return None;
        }
        let origins = self.cors_allow_origin.as_str();
        let advice = advice(origins)?;
        Some(format!(
            "-cors-allow-credentials with -cors-allow-origin {origins}: the expression {advice}"
        ))
    }
}

/// Matches bytes without Unicode classes, like Go.
fn expression(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).unicode(false).build()
}

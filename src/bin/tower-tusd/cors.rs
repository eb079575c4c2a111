//! Which pages of other origins may upload, as the flags say.

use std::time::Duration;

use clap::Args;
use http::{HeaderName, Method};
use regex::bytes::{Regex, RegexBuilder};
use tower_tus::layers::cors::CorsLayer;

use crate::anchors::advice;
use crate::go;
use crate::list::{List, list};

/// tusd's flags about CORS.
#[derive(Debug, Args)]
pub(crate) struct CorsFlags {
    /// Allow no page of another origin, and refuse none
    #[arg(long)]
    disable_cors: bool,

    /// Regular expression that is found in the origins to allow; ^ and $ make it match them whole
    #[arg(long, default_value = ".*", value_parser = expression)]
    cors_allow_origin: Regex,

    /// Allow pages to send cookies and other credentials
    #[arg(long)]
    cors_allow_credentials: bool,

    /// Methods to allow beside the usual ones, with commas between them
    #[arg(long, default_value = "", value_parser = list::<Method>)]
    cors_allow_methods: List<Method>,

    /// Headers to allow beside the usual ones, with commas between them
    #[arg(long, default_value = "", value_parser = list::<HeaderName>)]
    cors_allow_headers: List<HeaderName>,

    /// Headers that pages may read beside the usual ones, with commas between them
    #[arg(long, default_value = "", value_parser = list::<HeaderName>)]
    cors_expose_headers: List<HeaderName>,

    /// Seconds for which a browser need not ask again
    #[arg(long, default_value = "86400", value_parser = go::integer::<u32>)]
    cors_max_age: u32,
}

impl CorsFlags {
    /// What lets pages of strangers act in the name of those who visit them.
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

    /// The layer, unless it is switched off.
    pub(crate) fn layer(&self) -> Option<CorsLayer> {
        if self.disable_cors {
            return None;
        }
        let allowed = self.cors_allow_origin.clone();
        let layer = CorsLayer::new()
            .allow_origins_by(move |origin, _| allowed.is_match(origin.as_bytes()))
            .allow_methods(self.cors_allow_methods.0.iter().cloned())
            .allow_headers(self.cors_allow_headers.0.iter().cloned())
            .expose_headers(self.cors_expose_headers.0.iter().cloned())
            .max_age(Duration::from_secs(self.cors_max_age.into()));
        Some(match self.cors_allow_credentials {
            true => layer.allow_credentials(),
            false => layer,
        })
    }
}

/// As Go reads it: bytes, without Unicode's classes.
fn expression(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).unicode(false).build()
}

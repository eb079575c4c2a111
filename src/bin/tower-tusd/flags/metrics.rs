//! Flags about the metrics page.

use clap::Args;
use http::uri::PathAndQuery;

/// What the name of every metric begins with, like in tusd.
pub(crate) const METRICS_PREFIX: &str = "tusd";

/// tusd's flags about metrics.
#[derive(Debug, Args)]
#[command(next_help_heading = "Metrics")]
pub(crate) struct MetricsFlags {
    /// Serves metrics for Prometheus
    #[arg(long, default_value = "true")]
    pub(crate) expose_metrics: bool,

    /// Path of the metrics page
    #[arg(long, default_value = "/metrics", value_parser = path)]
    pub(crate) metrics_path: String,
}

/// A path that a request can have.
fn path(text: &str) -> Result<String, &'static str> {
    match text.parse::<PathAndQuery>() {
        Ok(parsed) if parsed.path() == text && text.starts_with('/') => Ok(text.to_owned()),
        _ => Err("not the path of a URL"),
    }
}

//! Flags about hooks of an HTTP server.

use std::time::Duration;

use clap::Args;
use http::HeaderName;

use super::go;
use super::list::{List, list};

/// tusd's flags about an HTTP server, and four more.
#[derive(Debug, Args)]
pub(crate) struct HttpFlags {
    /// URL of the HTTP server that receives hooks
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) hooks_http: String,

    /// Request headers to send to the HTTP server as well, separated by commas
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<HeaderName>)]
    pub(crate) hooks_http_forward_headers: List<HeaderName>,

    /// Maximum number of attempts to send an event
    #[arg(long, default_value = "3", value_parser = go::integer::<i64>)]
    pub(crate) hooks_http_retry: i64,

    /// Pause between two attempts
    #[arg(long, default_value = "1s", value_parser = go::duration)]
    pub(crate) hooks_http_backoff: Duration,

    /// Maximum time for an answer, all attempts included; 0 means unlimited
    #[arg(long, default_value = "15s", value_parser = go::duration)]
    pub(crate) hooks_http_timeout: Duration,

    /// Maximum size of an answer in bytes
    #[arg(long, default_value = "5120", value_parser = go::integer::<u64>)]
    pub(crate) hooks_http_size_limit: u64,

    /// Accepts any certificate of the HTTP server
    #[arg(long)]
    pub(crate) hooks_http_skip_verify: bool,
}

//! Flags about listeners, connections and their time-outs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Host, TlsFlags, go};

/// tusd's flags about connections, and the maximum number of them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct ListenFlags {
    /// Host to listen on; 0.0.0.0 means all IPv4 and IPv6 addresses
    #[arg(long, default_value = "0.0.0.0")]
    pub(crate) host: Host,

    /// Port to listen on; 0 means a free one
    #[arg(long, default_value = "8080", value_parser = go::integer::<u16>)]
    pub(crate) port: u16,

    /// Unix socket to listen on instead of the port; removed when the server exits
    #[arg(long, default_value = "", hide_default_value = true, value_parser = go::path())]
    pub(crate) unix_sock: PathBuf,

    /// Enables HTTP/2 without TLS [default: true unless TLS is on]
    #[arg(long, value_parser = go::boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) enable_h2c: Option<bool>,

    #[command(flatten)]
    pub(crate) tls: TlsFlags,

    /// Maximum number of open connections, new ones wait; 0 means a third of the limit on open files
    #[arg(long, default_value = "0", value_parser = go::integer::<usize>)]
    pub(crate) max_connections: usize,

    /// Maximum time that a client may send or read nothing while the server waits for it; 0 means unlimited
    #[arg(long, default_value = "60s", value_parser = go::duration, overrides_with = "timeout")]
    network_timeout: Duration,

    /// Sets -network-timeout in milliseconds, like early versions of tusd
    #[arg(long, value_parser = go::milliseconds, overrides_with = "network_timeout")]
    timeout: Option<Duration>,

    /// Maximum time that a shutdown waits for running requests
    #[arg(long, default_value = "10s", value_parser = go::duration)]
    pub(crate) shutdown_timeout: Duration,
}

impl ListenFlags {
    /// How long the server waits for a client; zero means without limit.
    pub(crate) fn network_timeout(&self) -> Duration {
        self.timeout.unwrap_or(self.network_timeout)
    }
}

//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::peer::Peer;

/// Compares tower-tusd with other servers, and with lower bounds.
#[derive(Clone, Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) what: What,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct What {
    /// Scenarios to run, such as `s1,s8-h2`; `s8` means all that begin with `s8`.
    /// Default: all.
    #[arg(long, value_delimiter = ',')]
    pub(crate) scenarios: Vec<String>,
    /// Number of rounds. In each round, every server has one turn.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Length of the timed part of a run, in seconds, where it is a number of
    /// requests per second.
    #[arg(long, default_value_t = 5)]
    pub(crate) seconds: u64,
    /// Cargo profile to build `tower-tusd` with.
    #[arg(long, default_value = "release")]
    pub(crate) profile: String,
    /// A `tower-tusd` that is already built.
    #[arg(long)]
    pub(crate) server: Option<PathBuf>,
    /// Additional flag of `tower-tusd`, such as `--arg=-log-level=off`. May be repeated.
    #[arg(long = "arg", allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
    /// Servers to compare with.
    #[arg(long, value_delimiter = ',', default_values_t = Peer::OTHERS)]
    pub(crate) peers: Vec<Peer>,
    /// What `tower-tusd` and the floors sync.
    #[arg(long, default_value = "none")]
    pub(crate) durability: Durability,
    /// Number of threads that generate the load. Default: half of the cores.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Directory for uploads, on the disk to measure.
    #[arg(long, default_value = "target")]
    pub(crate) dir: PathBuf,
    /// Directory for the results.
    #[arg(long, default_value = "target/compare")]
    pub(crate) out: PathBuf,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a lower bound as a server. For the benchmark itself.
    #[command(hide = true)]
    Floor(Floor),
    /// Runs two stores in one process. For the benchmark itself.
    #[cfg(feature = "stores")]
    #[command(hide = true)]
    Stores(Stores),
}

#[cfg(feature = "stores")]
#[derive(Args, Clone, Debug)]
pub(crate) struct Stores {
    #[arg(long)]
    pub(crate) port: u16,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Floor {
    #[arg(long)]
    pub(crate) kind: FloorKind,
    #[arg(long)]
    pub(crate) port: u16,
    /// The URL of the server with the bucket.
    #[arg(long, default_value = "")]
    pub(crate) gateway: String,
    #[arg(long, default_value = "h1")]
    pub(crate) wire: Wire,
    #[arg(long, default_value = "none")]
    pub(crate) durability: Durability,
}

/// A lower bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloorKind {
    Writer,
    Honest,
    Multipart,
}

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wire {
    /// HTTP/1.1 in the clear.
    H1,
    /// HTTP/2 in the clear, with prior knowledge.
    H2c,
    /// HTTP/1.1 over TLS 1.3.
    TlsH1,
    /// HTTP/2 over TLS 1.3.
    TlsH2,
}

impl Wire {
    pub(crate) const fn is_tls(self) -> bool {
        matches!(self, Self::TlsH1 | Self::TlsH2)
    }

    pub(crate) const fn is_h2(self) -> bool {
        matches!(self, Self::H2c | Self::TlsH2)
    }
}

/// What a server syncs before it answers that an upload is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    None,
    Finish,
}

/// Returns the name of a value on the command line.
pub(crate) fn name(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value().expect("no value is skipped");
    value.get_name().to_owned()
}

impl What {
    pub(crate) const fn timed(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    pub(crate) fn load_threads(&self) -> usize {
        let half = || std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2);
        self.threads.unwrap_or_else(half).max(1)
    }
}

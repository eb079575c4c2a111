//! The flags: tusd's, in the syntax of Go's `flag` package, and their values.
//!
//! Only data and parsing live here: nothing opens a file, a socket or a store.
//! Each flag is declared once, as a field. [`Table`](table::Table) derives the
//! name on the command line, the environment variable and the help text from it.

mod anchors;
mod azure;
mod commands;
mod cors;
mod environment;
mod expiration;
mod files;
mod gcs;
mod go;
mod hooks;
mod hooks_grpc;
mod hooks_http;
mod host;
mod list;
mod listen;
mod location;
mod logging;
mod metrics;
mod overlap;
mod parse;
mod quota;
mod s3;
mod storage;
mod syntax;
mod table;
mod tls;
mod unbuilt;
mod uploads;

use clap::{ArgAction, Parser};

use self::expiration::ExpirationFlags;
use self::unbuilt::Unbuilt;

pub(crate) use self::azure::AzureFlags;
pub(crate) use self::commands::{
    Command, LsFlags, RmFlags, Selection, ShowFlags, SweepFlags, VerifyFlags,
};
pub(crate) use self::cors::CorsFlags;
pub(crate) use self::files::{FileFlags, Locks};
pub(crate) use self::gcs::GcsFlags;
pub(crate) use self::hooks::HookFlags;
pub(crate) use self::hooks_grpc::GrpcFlags;
pub(crate) use self::hooks_http::HttpFlags;
pub(crate) use self::host::Host;
pub(crate) use self::listen::ListenFlags;
pub(crate) use self::location::LocationFlags;
pub(crate) use self::logging::{LogFlags, LogFormat, LogLevel};
pub(crate) use self::metrics::{METRICS_PREFIX, MetricsFlags};
pub(crate) use self::parse::ParseError;
pub(crate) use self::quota::{QuotaFlags, StoreEvict};
pub(crate) use self::s3::{Download, S3Flags};
pub(crate) use self::storage::Place;
pub(crate) use self::tls::{TlsFlags, TlsMode};
pub(crate) use self::uploads::UploadFlags;

/// A tus server: resumable uploads over HTTP.
///
/// Flags take one dash or two, and a value behind a space or an equals sign. Each
/// flag can also be set by the environment variable in brackets. A command works on
/// the uploads in the directory instead of serving them: `tower-tusd ls -help`.
#[derive(Debug, Parser)]
#[command(
    name = "tower-tusd",
    disable_help_flag = true,
    disable_help_subcommand = true,
    args_override_self = true
)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) listen: ListenFlags,

    #[command(flatten)]
    pub(crate) location: LocationFlags,

    #[command(flatten)]
    pub(crate) uploads: UploadFlags,

    #[command(flatten)]
    expiration: ExpirationFlags,

    #[command(flatten)]
    pub(crate) files: FileFlags,

    #[command(flatten)]
    pub(crate) s3: S3Flags,

    #[command(flatten)]
    pub(crate) gcs: GcsFlags,

    #[command(flatten)]
    pub(crate) azure: AzureFlags,

    #[command(flatten)]
    pub(crate) quota: QuotaFlags,

    #[command(flatten)]
    pub(crate) cors: CorsFlags,

    #[command(flatten)]
    pub(crate) hooks: HookFlags,

    #[command(flatten)]
    pub(crate) metrics: MetricsFlags,

    #[command(flatten)]
    pub(crate) log: LogFlags,

    #[command(flatten)]
    unbuilt: Unbuilt,

    /// Prints the version and exits
    #[arg(long)]
    pub(crate) version: bool,

    /// Prints this help and exits
    #[arg(long, alias = "h", action = ArgAction::Help)]
    help: (),

    /// What to do instead of serving.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Sentences to log as warnings at the start.
    #[arg(skip)]
    pub(crate) warnings: Vec<String>,
}

impl Flags {
    /// Returns the maximum size of one upload in bytes; 0 means unlimited.
    pub(crate) fn max_size(&self) -> u64 {
        self.quota.max_size(self.uploads.max_size)
    }
}

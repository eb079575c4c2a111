//! The commands on stored uploads, with the flags of each.

use std::time::Duration;

use clap::{Args, Subcommand};
use tower_tus::layers::protocol::UploadId;

use super::go;

/// What each command's help ends with.
pub(super) const OWN_FLAGS: &str = "\
The flags of the server and their environment variables are taken too: -upload-dir,
-locks, -expiration, the hooks and all others. `tower-tusd -help` lists them.";

/// A command on the uploads in the directory, beside running servers or without one.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists uploads in the order of their ids
    Ls(LsFlags),
    /// Shows uploads and all that is known about them
    Show(ShowFlags),
    /// Removes uploads, as DELETE does, and calls the hooks
    Rm(RmFlags),
    /// Looks for damaged uploads and for files that belong to none, and changes nothing
    Verify(VerifyFlags),
    /// Removes what crashes have left, and with -expiration expired uploads
    Sweep(SweepFlags),
}

#[derive(Debug, Args)]
pub(crate) struct LsFlags {
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,

    /// Lists only uploads whose id begins with this text
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,

    /// Maximum number of uploads to list; 0 means all
    #[arg(long, default_value = "0", value_parser = go::integer::<u64>)]
    pub(crate) limit: u64,

    /// Begins behind this id, such as the last one of the list before
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<UploadId>,

    /// Lists only uploads that are not finished
    #[arg(long)]
    pub(crate) unfinished: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowFlags {
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,

    /// The id of an upload: what its URL ends with
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<UploadId>,
}

#[derive(Debug, Args)]
pub(crate) struct RmFlags {
    /// The id of an upload: what its URL ends with
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<UploadId>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyFlags {
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) selection: Selection,
}

#[derive(Debug, Args)]
pub(crate) struct SweepFlags {
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,

    /// Says what would be removed, and removes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Which leftovers are removed.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Keeps leftovers that were changed within this time
    #[arg(long, default_value = "24h", value_parser = go::duration)]
    pub(crate) older_than: Duration,

    /// Removes what may belong to somebody too: data without .info, and .info that
    /// cannot be read
    #[arg(long)]
    pub(crate) foreign: bool,
}

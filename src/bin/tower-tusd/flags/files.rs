//! Flags about the files of uploads.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tower_tus::store::file::Durability;

use super::go;

/// tusd's flags about the file store, and one of ours.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct FileFlags {
    /// Directory to store uploads in; also -dir, like early versions of tusd
    #[arg(long, alias = "dir", default_value = "./data")]
    pub(crate) upload_dir: PathBuf,

    /// Permissions of new directories in octal, less the umask
    #[arg(long, default_value = "775", value_parser = go::permissions)]
    pub(crate) dir_perms: u32,

    /// Permissions of new files in octal, less the umask
    #[arg(long, default_value = "664", value_parser = go::permissions)]
    pub(crate) file_perms: u32,

    /// What survives a power cut: none, finish (finished uploads), or offset (every acknowledged byte)
    #[arg(long, default_value_t)]
    pub(crate) durability: Durability,

    /// Where locks are kept; also -locker: file (beside the uploads; the default in a directory), store (in the object store; the default there), or memory, which is faster and only right if no other process uses the uploads
    #[arg(long, alias = "locker")]
    pub(super) locks: Option<Locks>,

    /// How often a request checks whether another process waits for its upload; 5s in tusd
    #[arg(long, default_value = "200ms", value_parser = go::duration)]
    pub(crate) filelock_holder_poll_interval: Duration,

    /// How often a request checks whether another process has released its upload; 2s in tusd
    #[arg(long, default_value = "200ms", value_parser = go::duration)]
    pub(crate) filelock_acquirer_poll_interval: Duration,

    /// How long another process may ignore a request for its upload before its lock counts as left over
    #[arg(long, default_value = "30s", value_parser = go::duration)]
    pub(crate) filelock_stale_after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Locks {
    File,
    Memory,
    Store,
}

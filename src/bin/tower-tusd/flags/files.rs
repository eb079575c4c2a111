//! Where uploads lie, and how.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tower_tus::lock::FileLocker;
use tower_tus::store::FileStore;
use tower_tus::store::file::Durability;

use crate::go;

/// tusd's flags about the file store, and one of ours.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct FileFlags {
    /// Directory to store uploads in; also -dir, as early tusd had it
    #[arg(long, alias = "dir", default_value = "./data")]
    pub(crate) upload_dir: PathBuf,

    /// Permissions of the directories that are made, in octal, less the umask
    #[arg(long, default_value = "775", value_parser = go::permissions)]
    pub(crate) dir_perms: u32,

    /// Permissions of the files that are made, in octal, less the umask
    #[arg(long, default_value = "664", value_parser = go::permissions)]
    file_perms: u32,

    /// What a power cut may take: none, finish or offset
    #[arg(long, default_value_t)]
    durability: Durability,

    /// How often a request looks whether another process waits for its upload; tusd's is 5s
    #[arg(long, default_value = "200ms", value_parser = go::duration)]
    filelock_holder_poll_interval: Duration,

    /// How often a request looks whether another process has let go of its upload; tusd's is 2s
    #[arg(long, default_value = "200ms", value_parser = go::duration)]
    filelock_acquirer_poll_interval: Duration,
}

impl FileFlags {
    pub(crate) fn store(&self) -> FileStore {
        FileStore::new(&self.upload_dir)
            .durability(self.durability)
            .file_mode(self.file_perms)
            .dir_mode(self.dir_perms)
    }

    /// The locks beside the uploads of `store`.
    pub(crate) fn locker(&self, store: &FileStore) -> FileLocker {
        FileLocker::beside(store)
            .holder_poll_interval(self.filelock_holder_poll_interval)
            .acquirer_poll_interval(self.filelock_acquirer_poll_interval)
    }
}

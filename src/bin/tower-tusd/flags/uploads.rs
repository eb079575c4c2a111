//! Flags about what clients may do with uploads.

use std::time::Duration;

use clap::Args;
use tower_tus::layers::checksum::Algorithms;

use super::go;

/// Flags about the protocol's extensions, and limits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Uploads")]
pub(crate) struct UploadFlags {
    /// Maximum upload size in bytes; 0 means unlimited
    #[arg(long, default_value = "0", value_parser = go::integer::<u64>)]
    pub(crate) max_size: u64,

    /// Maximum size of Upload-Metadata in bytes; 0 means unlimited
    #[arg(long, default_value = "65536", value_parser = go::integer::<u64>)]
    pub(crate) max_metadata_size: u64,

    /// Maximum number of pairs in Upload-Metadata; 0 means unlimited
    #[arg(long, default_value = "1000", value_parser = go::integer::<u64>)]
    pub(crate) max_metadata_pairs: u64,

    /// Maximum time that a request waits for another request on the same upload
    #[arg(long, default_value = "20s", value_parser = go::duration)]
    pub(crate) acquire_lock_timeout: Duration,

    /// Without effect: requests always run to their end, even when their client has gone
    #[arg(long = "request-completion-timeout", default_value = "10s", value_parser = go::duration)]
    _request_completion_timeout: Duration,

    /// Disables termination: DELETE answers 405
    #[arg(long)]
    pub(crate) disable_termination: bool,

    /// Checksum algorithms that clients may use; an empty list disables checksums
    #[arg(long, default_value_t)]
    pub(crate) checksum_algorithms: Algorithms,

    /// Checksum algorithms that clients may use in a trailer; an empty list
    /// disables trailers [default: sha1,sha256,crc32,crc32c]
    #[arg(long)]
    pub(crate) checksum_trailer_algorithms: Option<Algorithms>,

    /// Disables downloads: GET answers 405
    #[arg(long)]
    pub(crate) disable_download: bool,

    /// Disables downloads of unfinished uploads
    #[arg(long)]
    pub(crate) download_only_finished: bool,

    /// Disables concatenation
    #[arg(long)]
    pub(crate) disable_concatenation: bool,

    /// Maximum number of partial uploads in a final one, repeats included; 0 means unlimited
    #[arg(long, default_value = "1000", value_parser = go::integer::<usize>)]
    pub(crate) max_concat_parts: usize,

    /// Enables concatenation of unfinished partial uploads
    #[arg(long)]
    pub(crate) concatenation_unfinished: bool,

    /// Accepts what tusd accepts and the protocol forbids: HEAD without a version,
    /// malformed metadata, bodies of another type, finals of uploads that are not partial
    #[arg(long)]
    pub(crate) lenient: bool,
}

impl UploadFlags {
    /// Names trailer algorithms that are not enabled for headers.
    pub(super) fn warning(&self) -> Option<String> {
        let named = self.checksum_trailer_algorithms.as_ref()?.to_string();
        let unknown =
            |name: &&str| !name.is_empty() && self.checksum_algorithms.get(name).is_none();
        let unknown: Vec<_> = named.split(',').filter(unknown).collect();
        (!unknown.is_empty()).then(|| {
            let unknown = unknown.join(",");
            format!("-checksum-trailer-algorithms: {unknown} is not in -checksum-algorithms and is ignored")
        })
    }
}

//! Flags about uploads in Google Cloud Storage.

use clap::Args;

/// tusd's flags about Google Cloud Storage.
#[derive(Debug, Args)]
#[command(next_help_heading = "Google Cloud Storage")]
pub(crate) struct GcsFlags {
    /// Bucket to store uploads in, instead of a directory
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) gcs_bucket: String,

    /// Directory in the bucket for all objects
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) gcs_object_prefix: String,

    /// Server other than Google's: a URL, or a host
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) gcs_endpoint: String,
}

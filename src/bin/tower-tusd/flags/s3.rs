//! Flags about uploads in S3.

use clap::{Args, ValueEnum};

use super::go;
use super::list::{List, list};

/// tusd's flags about S3, and ours.
#[derive(Debug, Args)]
#[command(next_help_heading = "S3")]
pub(crate) struct S3Flags {
    /// Bucket to store uploads in, instead of a directory
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) s3_bucket: String,

    /// Directory in the bucket for all objects
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) s3_object_prefix: String,

    /// Server other than AWS: a URL, or a host
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) s3_endpoint: String,

    /// Preferred size of parts in bytes; those of large uploads are larger
    #[arg(long, default_value = "8388608", value_parser = go::integer::<u64>)]
    pub(crate) s3_part_size: u64,

    /// Minimum size of parts in bytes, except for the last one
    #[arg(long, default_value = "5242880", value_parser = go::integer::<u64>)]
    pub(crate) s3_min_part_size: u64,

    /// Maximum number of parts of an upload
    #[arg(long, default_value = "10000", value_parser = go::integer::<u32>)]
    pub(crate) s3_max_parts: u32,

    /// Gives all parts of an upload the same size, as Cloudflare R2 wants it
    #[arg(long)]
    pub(crate) s3_equal_parts: bool,

    /// Maximum number of parts of one upload that are sent at the same time
    #[arg(long, default_value = "10", value_parser = go::integer::<usize>)]
    pub(crate) s3_concurrent_part_uploads: usize,

    /// Without effect: parts are held in memory, as much as -s3-memory says
    #[arg(long = "s3-max-buffered-parts", default_value = "20", value_parser = go::integer::<i64>)]
    _s3_max_buffered_parts: i64,

    /// Sends no hashes of the bytes over HTTP; over HTTPS none are ever sent
    #[arg(long)]
    pub(crate) s3_disable_content_hashes: bool,

    /// Uses HTTP where the endpoint does not say HTTPS
    #[arg(long)]
    pub(crate) s3_disable_ssl: bool,

    /// Accepts any certificate of the endpoint
    #[arg(long)]
    pub(crate) s3_skip_verify: bool,

    /// Uses the transfer acceleration of AWS, which has to be enabled for the bucket
    #[arg(long)]
    pub(crate) s3_transfer_acceleration: bool,

    /// Logs every call of the object store's API; needs -verbose
    #[arg(long)]
    pub(crate) s3_log_api_calls: bool,

    /// Encryption of objects: AES256, or the ID of a key of AWS KMS; empty means as the bucket says
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) s3_encryption: String,

    /// Maximum number of bytes of all uploads that are held in memory, in any object store
    #[arg(long, default_value = "67108864", value_parser = go::integer::<u64>)]
    pub(crate) s3_memory: u64,

    /// How finished uploads are downloaded from any object store: proxy (through this server), or redirect (to a signed URL of the store)
    #[arg(long, default_value = "proxy")]
    pub(crate) s3_download: Download,

    /// Keys in Upload-Metadata that become metadata of the object in any object store, separated by commas
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<String>)]
    pub(crate) s3_metadata: List<String>,

    /// Other buckets that a pre-create hook may choose for an upload, separated by commas
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<String>)]
    pub(crate) s3_buckets: List<String>,

    /// Cache-Control of objects in any object store
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) s3_cache_control: String,

    /// Content-Disposition of objects in any object store
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) s3_content_disposition: String,

    /// Storage class of objects
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) s3_storage_class: String,

    /// Tags of objects, such as team=a,kind=video
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<Tag>)]
    pub(crate) s3_tags: List<Tag>,
}

/// How finished uploads are downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Download {
    Proxy,
    Redirect,
}

/// A tag of an object.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl std::str::FromStr for Tag {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, value) = text.split_once('=').ok_or(())?;
        match name.is_empty() {
            true => Err(()),
            false => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
        }
    }
}

impl S3Flags {
    /// Why these flags make no sense together.
    pub(super) fn conflict(&self, verbose: bool) -> Option<&'static str> {
        if self.s3_log_api_calls && !verbose {
            return Some("-s3-log-api-calls needs -verbose");
        }
        if self.s3_part_size < self.s3_min_part_size {
            return Some("-s3-part-size is less than -s3-min-part-size");
        }
        if self.s3_transfer_acceleration && !self.s3_endpoint.is_empty() {
            return Some(
                "-s3-transfer-acceleration is a feature of AWS, and excludes -s3-endpoint",
            );
        }
        None
    }
}

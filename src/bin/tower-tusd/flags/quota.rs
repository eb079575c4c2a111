//! Flags about how much may be stored.

use clap::{Args, ValueEnum};

use super::go;

/// One flag of early versions of tusd, and ours.
#[derive(Debug, Args)]
#[command(next_help_heading = "Quota")]
pub(crate) struct QuotaFlags {
    /// Maximum size of all uploads together in bytes; 0 means unlimited
    #[arg(long, default_value = "0", value_parser = go::integer::<u64>)]
    pub(crate) store_size: u64,

    /// Maximum size of all uploads of one owner together in bytes; 0 means unlimited
    #[arg(long, default_value = "0", value_parser = go::integer::<u64>)]
    pub(crate) store_size_per_owner: u64,

    /// Key in Upload-Metadata whose value is the owner of an upload
    #[arg(long, default_value = "")]
    pub(crate) owner_key: String,

    /// Removes uploads when the store is full: unfinished (the oldest unfinished one), or finished (the oldest complete one too, if none is unfinished)
    #[arg(long)]
    pub(crate) store_evict: Option<StoreEvict>,

    /// Refuses uploads that would leave less than this many bytes of the disk free; 0 means until it is full
    #[arg(long, default_value = "0", value_parser = go::integer::<u64>)]
    pub(crate) min_free_space: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreEvict {
    Unfinished,
    Finished,
}

impl QuotaFlags {
    /// Whether there is a quota.
    pub(crate) const fn is_set(&self) -> bool {
        self.store_size > 0 || self.store_size_per_owner > 0
    }

    /// Returns the maximum size of one upload, if `max_size` is that of `-max-size`.
    /// 0 means unlimited.
    pub(crate) fn max_size(&self, max_size: u64) -> u64 {
        let limits = [max_size, self.store_size].into_iter();
        limits.filter(|&limit| limit > 0).min().unwrap_or(0)
    }

    /// Why these flags make no sense together.
    pub(super) fn conflict(&self) -> Option<&'static str> {
        match self.store_size_per_owner > 0 {
            true if self.owner_key.is_empty() => {
                Some("-store-size-per-owner needs -owner-key, the metadata that names the owner")
            }
            false if !self.owner_key.is_empty() => {
                Some("-owner-key has an effect only with -store-size-per-owner")
            }
            _ if self.store_evict.is_some() && !self.is_set() => {
                Some("-store-evict has an effect only with -store-size or -store-size-per-owner")
            }
            _ => None,
        }
    }
}

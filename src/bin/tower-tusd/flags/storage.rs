//! Where the flags say that uploads and their locks are.

use tower_tus::store::object::ContainerAccess;

use super::{Flags, Locks};

/// Where uploads are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Directory,
    S3,
    Gcs,
    Azure,
}

impl Flags {
    /// Where uploads are stored. If several are named, the first counts, as in tusd.
    pub(crate) fn place(&self) -> Place {
        if !self.s3.s3_bucket.is_empty() {
            Place::S3
        } else if !self.gcs.gcs_bucket.is_empty() {
            Place::Gcs
        } else if !self.azure.azure_storage.is_empty() {
            Place::Azure
        } else {
            Place::Directory
        }
    }

    /// Where locks are kept.
    pub(crate) fn locks(&self) -> Locks {
        self.files.locks.unwrap_or(match self.place() {
            Place::Directory => Locks::File,
            _ => Locks::Store,
        })
    }

    /// Names a flag about a bucket that is not named itself.
    pub(super) fn storage_warning(&self) -> Option<String> {
        let (s3, gcs, azure) = (&self.s3, &self.gcs, &self.azure);
        let is_public = azure.azure_container_access_type != ContainerAccess::Private;
        let needs = [
            ("-s3-endpoint", !s3.s3_endpoint.is_empty(), "-s3-bucket"),
            (
                "-s3-object-prefix",
                !s3.s3_object_prefix.is_empty(),
                "-s3-bucket",
            ),
            ("-gcs-endpoint", !gcs.gcs_endpoint.is_empty(), "-gcs-bucket"),
            (
                "-gcs-object-prefix",
                !gcs.gcs_object_prefix.is_empty(),
                "-gcs-bucket",
            ),
            (
                "-azure-endpoint",
                !azure.azure_endpoint.is_empty(),
                "-azure-storage",
            ),
            (
                "-azure-object-prefix",
                !azure.azure_object_prefix.is_empty(),
                "-azure-storage",
            ),
            ("-azure-container-access-type", is_public, "-azure-storage"),
        ];
        let is_directory = self.place() == Place::Directory;
        let mut idle = needs
            .iter()
            .filter(|(_, is_set, _)| is_directory && *is_set);
        let (flag, _, needed) = idle.next()?;
        Some(format!(
            "{flag} has no effect without {needed}: uploads are stored in a directory"
        ))
    }

    /// Says what a quota is worth where several servers can share a bucket.
    pub(super) fn quota_warning(&self) -> Option<String> {
        let is_shared = self.place() != Place::Directory && self.locks() == Locks::Store;
        (is_shared && self.quota.is_set()).then(|| {
            "each server over a bucket counts for itself what is stored: several together may \
             exceed -store-size and -store-size-per-owner for a while"
                .to_owned()
        })
    }

    /// Why these flags make no sense together.
    pub(super) fn storage_conflict(&self) -> Option<&'static str> {
        let is_directory = self.place() == Place::Directory;
        match self.locks() {
            Locks::Store if is_directory => {
                Some("-locks=store needs -s3-bucket, -gcs-bucket or -azure-storage")
            }
            Locks::File if !is_directory => {
                Some("-locks=file keeps locks in the upload directory: an object store has none")
            }
            _ if !is_directory && self.quota.min_free_space > 0 => {
                Some("-min-free-space is about a disk: an object store has none")
            }
            _ => None,
        }
    }
}

//! Flags about uploads in Azure.

use clap::Args;

/// tusd's flags about Azure.
#[derive(Debug, Args)]
#[command(next_help_heading = "Azure")]
pub(crate) struct AzureFlags {
    /// Container to store uploads in, instead of a directory
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) azure_storage: String,

    /// Without effect: the container has to exist
    #[arg(
        long = "azure-container-access-type",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) azure_container_access_type: String,

    /// Access tier of objects: archive, cool or hot; empty means that of the account
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) azure_blob_access_tier: String,

    /// Directory in the container for all objects
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) azure_object_prefix: String,

    /// Server other than that of the account: a URL, or a host
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) azure_endpoint: String,
}

impl AzureFlags {
    /// Names a flag that has no effect.
    pub(super) fn warning(&self) -> Option<String> {
        let is_set = !self.azure_container_access_type.is_empty();
        is_set.then(|| {
            "-azure-container-access-type has no effect: the container has to exist".to_owned()
        })
    }
}

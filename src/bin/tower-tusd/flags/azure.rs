//! Flags about uploads in Azure.

use clap::Args;
use tower_tus::store::object::ContainerAccess;

/// tusd's flags about Azure.
#[derive(Debug, Args)]
#[command(next_help_heading = "Azure")]
pub(crate) struct AzureFlags {
    /// Container to store uploads in, instead of a directory; it is created if it is missing
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) azure_storage: String,

    /// Public access to a container that the server creates: blob (anybody can read blobs), container (anybody can also list them), or empty (none)
    #[arg(long, default_value = "", hide_default_value = true, value_parser = access)]
    pub(crate) azure_container_access_type: ContainerAccess,

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

/// Refuses what tusd takes for private.
fn access(text: &str) -> Result<ContainerAccess, &'static str> {
    match text {
        "" => Ok(ContainerAccess::Private),
        "blob" => Ok(ContainerAccess::Blob),
        "container" => Ok(ContainerAccess::Container),
        _ => Err("it is blob, container, or empty for a private container"),
    }
}

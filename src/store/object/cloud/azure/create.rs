use http::{HeaderName, Method};

use super::list;
use crate::store::object::cloud::failure::code;
use crate::store::object::cloud::own::{Own, Unsigned};
use crate::store::object::objects::Result;

const ACCESS: HeaderName = HeaderName::from_static("x-ms-blob-public-access");

/// Public access to a container of Azure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerAccess {
    /// None.
    #[default]
    Private,
    /// Anybody who knows the key of a blob may read it.
    Blob,
    /// Anybody may also list the blobs.
    Container,
}

impl ContainerAccess {
    const fn name(self) -> Option<&'static str> {
        match self {
            Self::Private => None,
            Self::Blob => Some("blob"),
            Self::Container => Some("container"),
        }
    }
}

/// Makes the container, unless it exists.
pub(super) async fn create(own: &Own, access: ContainerAccess) -> Result<()> {
    // Asked first: who may write blobs need not be allowed to make containers.
    match list::list(own, "", None).await {
        Err(error) if code(&error) == "ContainerNotFound" => {}
        listed => return listed.map(|_| ()),
    }
    let request = Unsigned::new(Method::PUT, "").query("restype", "container");
    let request = match access.name() {
        Some(name) => request.header(ACCESS, name)?,
        None => request,
    };
    match own.send(request).await {
        // Another server was faster.
        Err(error) if code(&error) == "ContainerAlreadyExists" => Ok(()),
        made => made.map(|_| ()),
    }
}

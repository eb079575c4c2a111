use crate::protocol::{InvalidUploadId, Target, UploadId};

/// The uploads that a request can reach: those of one tenant, or all.
///
/// The ids of a tenant's uploads begin with the tenant's name and a slash. URLs do
/// not repeat the name: within the scope `alice`, `/files/4af3` is the upload
/// `alice/4af3`, whatever a client writes into the URL.
///
/// ```
/// use tower_tus_layers::context::Scope;
///
/// let alice = Scope::new("alice")?;
/// assert!(alice.contains(&"alice/4af3".parse()?));
/// assert!(!alice.contains(&"bob/4af3".parse()?));
/// assert!(Scope::new("alice/..").is_err());
/// # Ok::<_, tower_tus_layers::protocol::InvalidUploadId>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Option<UploadId>);

impl Scope {
    /// Creates the scope of one tenant. The name is one segment of an [`UploadId`],
    /// so that no tenant's uploads are below those of another.
    ///
    /// # Errors
    ///
    /// If the name is not such a segment. Answer 404, or map your tenants to other
    /// names.
    pub fn new(tenant: &str) -> Result<Self, InvalidUploadId> {
        // No id has an empty segment.
        let name = if tenant.contains('/') { "" } else { tenant };
        Ok(Self(Some(name.parse()?)))
    }

    /// Creates the scope of all uploads, for a stack that is protected by other
    /// means.
    #[must_use]
    pub const fn all() -> Self {
        Self(None)
    }

    /// Whether the scope contains an upload.
    #[must_use]
    pub fn contains(&self, id: &UploadId) -> bool {
        let Self(Some(tenant)) = self else {
            return true;
        };
        let rest = id.as_str().strip_prefix(tenant.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns the id of the upload whose URL contains `id`.
    pub(crate) fn id(&self, id: &UploadId) -> Result<UploadId, InvalidUploadId> {
        match self {
            Self(Some(tenant)) => format!("{tenant}/{id}").parse(),
            Self(None) => Ok(id.clone()),
        }
    }

    /// Returns the target that a URL names.
    pub(crate) fn target(&self, target: Target) -> Result<Target, InvalidUploadId> {
        match target {
            Target::Upload(id) => self.id(&id).map(Target::Upload),
            Target::Collection => Ok(Target::Collection),
        }
    }

    pub(super) const fn tenant(&self) -> Option<&UploadId> {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_one_segment() {
        for name in [
            "", "a/b", "/", "a/", "/a", ".", "..", "a/..", "a b", "ü", "a.info",
        ] {
            assert!(Scope::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn no_tenant_has_the_uploads_of_another() {
        let alice = Scope::new("alice").unwrap();
        for (id, is_hers) in [
            ("alice/a", true),
            ("alice/a/b", true),
            ("alice", false),
            ("alices/a", false),
            ("bob/a", false),
            ("bob/alice/a", false),
        ] {
            assert_eq!(alice.contains(&id.parse().unwrap()), is_hers, "{id}");
            assert!(Scope::all().contains(&id.parse().unwrap()));
        }
    }
}

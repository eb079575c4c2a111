//! Who decides on a request, and what clients may do at all.

use std::fmt;
use std::sync::Arc;

use tower_tus_layers::access::Access;
use tower_tus_layers::gate::Gate;
use tower_tus_layers::service::Core;
use tower_tus_layers::version::VersionLayer;

use super::Stack;

/// Decides on access.
#[derive(Clone)]
pub(super) struct Policy(pub(super) Arc<dyn Access>);

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Policy")
    }
}

/// What clients may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    termination: bool,
    deferred_length: bool,
    pub(super) lenient: bool,
}

impl Default for Allowed {
    fn default() -> Self {
        Self {
            termination: true,
            deferred_length: true,
            lenient: false,
        }
    }
}

impl Allowed {
    pub(super) fn core(self, mut core: Core) -> Core {
        if !self.termination {
            core = core.without_termination();
        }
        if !self.deferred_length {
            core = core.without_deferred_length();
        }
        match self.lenient {
            true => core.lenient(),
            false => core,
        }
    }

    pub(super) fn version(self) -> VersionLayer {
        match self.lenient {
            true => VersionLayer::new().lenient(),
            false => VersionLayer::new(),
        }
    }
}

impl Stack {
    /// Sets the policy that decides who may create, read, change or terminate an
    /// upload, before a request waits for the lock. By default everyone who knows the
    /// URL of an upload may do all of that.
    ///
    /// See [`access`](crate::layers::access) for what the policy is asked.
    ///
    /// ```
    /// use tower_tus::{AccessRequest, Error, MemoryStore, Stack};
    ///
    /// #[derive(Clone)]
    /// struct User(String);
    ///
    /// let service = Stack::new(MemoryStore::default())
    ///     .access(async |request: AccessRequest| {
    ///         let User(name) = request.extension().ok_or(Error::AccessDenied)?;
    ///         match request.id() {
    ///             Some(id) if !id.as_str().starts_with(&format!("{name}/")) => Err(Error::NotFound),
    ///             _ => Ok(()),
    ///         }
    ///     })
    ///     .into_service();
    /// ```
    pub fn access(mut self, policy: impl Access) -> Self {
        self.access = Some(Policy(Arc::new(policy)));
        self
    }

    /// Removes the access policy, which is the default.
    pub fn without_access(mut self) -> Self {
        self.access = None;
        self
    }

    /// Adds a gate, which is asked after those that are there.
    pub fn add_gate(mut self, gate: impl Gate) -> Self {
        self.gates.push(Arc::new(gate));
        self
    }

    /// Removes all gates.
    pub fn without_gates(mut self) -> Self {
        self.gates.clear();
        self
    }

    /// Lets clients terminate uploads if the store can, which is the default.
    pub fn termination(mut self) -> Self {
        self.allowed.termination = true;
        self
    }

    /// Disables termination: DELETE answers 405.
    pub fn without_termination(mut self) -> Self {
        self.allowed.termination = false;
        self
    }

    /// Lets clients create an upload without a length if the store can, which is the
    /// default.
    pub fn deferred_length(mut self) -> Self {
        self.allowed.deferred_length = true;
        self
    }

    /// Refuses to create an upload without a length. Those that exist go on.
    pub fn without_deferred_length(mut self) -> Self {
        self.allowed.deferred_length = false;
        self
    }

    /// Accepts what tusd accepts and the protocol does not:
    ///
    /// * HEAD without `Tus-Resumable`;
    /// * malformed `Upload-Metadata`, of which the readable part is kept, and keys
    ///   beyond ASCII;
    /// * a POST with a body of another type than `application/offset+octet-stream`:
    ///   the body is ignored;
    /// * a final of finished uploads that are not partial.
    ///
    /// By default these are refused, and the log says that this setting would accept
    /// them.
    pub fn lenient(mut self) -> Self {
        self.allowed.lenient = true;
        self
    }

    /// Accepts only what the protocol allows, which is the default.
    pub fn without_lenient(mut self) -> Self {
        self.allowed.lenient = false;
        self
    }
}

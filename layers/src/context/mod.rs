//! Shares state about one request between layers.
//!
//! [`Context`] is the only request extension of the stack. The first layer that sets
//! a value creates it, whatever the method; the layers inside read it and add to it:
//!
//! | value | set by | read by | default |
//! |---|---|---|---|
//! | [`target`](Context::target) | Route, or your router | Lock, Hooks, Concatenation, Download, core | the request's whole path |
//! | [`base_url`](Context::base_url) | BaseUrl, Route, or your router | Concatenation, Download, Log, core | the request's own path, or `/` for an upload |
//! | [`stripped_prefix`](Context::stripped_prefix) | `TusService` from axum's extensions, or your router | BaseUrl, Route, Hooks | the path is the client's |
//! | [`scope`](Context::scope) | your router or layer | Route, core, all readers of the two above | all uploads |
//! | [`peer`](Context::peer) | the server | Log, hooks | no address |
//! | [`disconnect`](Context::disconnect) | Detach, or the server | Hooks, Concatenation | the client never disconnects |
//! | [`request_id`](Context::request_id) | the server | Log | no id, unless the client sent one |
//! | [`interrupt`](Context::interrupt) | Interrupt | Lock, Hooks, Concatenation, core | nothing ends the body |
//! | [`max_size`](Context::max_size) | SizeLimit, or your layer | Concatenation, core | unlimited |
//! | [`write_mode`](Context::write_mode) | Checksum, or your layer | Hooks, core | [`WriteMode::Streaming`] |
//! | [`gates`](Context::gates) | Access, Log, Hooks, Gate, or your layer | Concatenation, Download, core | no gate |
//! | [`rejection`](Context::rejection) | Cors, or your layer | Version, Route, Access, Lock, Download, core | not rejected |
//! | [`original`](Context::original) | layers that derive a request | Hooks | the request itself |
//! | concatenation | Concatenation | core | `Upload-Concat` is refused |
//! | overrides | Render, CreationWithUpload, Hooks | the same, core | the layer that makes one carries it out |
//! | hand-over | CreationWithUpload | Lock, core | the upload is opened again |
//! | observation | Lock | Concatenation, core | the upload is locked, or nothing else changes it |
//! | roll-back | layers that derive a DELETE, Uploads | core | a client's DELETE |
//! | [`is_internal`](Context::is_internal) | Uploads | Metrics, Log, Events, core, hooks of other crates | a client has sent the request |
//! | log | Log | core | the core logs nothing |
//!
//! The context also records which layers a request has passed. If a layer stands
//! inside one that it belongs outside of, every request is refused with a 500, and
//! the log says how to reorder them.
//!
//! One function of this module derives all requests that layers make from others, and
//! states what these inherit.

mod derived;
mod hand_over;
mod order;
mod original;
mod rollback;
mod scope;

use std::sync::{Arc, Weak};

use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request};

use crate::gate::Gate;
use crate::lock::Observation;
use crate::protocol::{
    BaseUrl, CarryOut, Disconnect, Error, Interrupt, InvalidUploadId, NewConcat, Peer, Target,
    UploadId,
};
use crate::store::{Handle, WriteMode};

pub(crate) use self::derived::Derived;
pub(crate) use self::hand_over::HandOver;
use self::order::Passed;
pub(crate) use self::order::Place;
use self::original::OriginalRequest;
pub(crate) use self::rollback::Rollback;
pub use self::scope::Scope;

/// The request extension in which layers share state about one request.
///
/// ```
/// use http::Request;
/// use tower_tus_layers::context::Context;
/// use tower_tus_layers::protocol::Target;
///
/// let mut request = Request::patch("/some/url").body(())?;
/// let context = Context::of_mut(request.extensions_mut());
/// context.set_target(Target::Upload("alice/report".parse()?));
/// context.set_max_size(10 << 20);
///
/// let (parts, ()) = request.into_parts();
/// assert_eq!(Context::target(&parts)?, Target::Upload("alice/report".parse()?));
/// assert_eq!(Context::of(&parts.extensions).max_size(), Some(10 << 20));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Context {
    target: Option<Target>,
    base_url: Option<BaseUrl>,
    stripped_prefix: Option<Arc<str>>,
    scope: Option<Scope>,
    peer: Option<Peer>,
    disconnect: Option<Disconnect>,
    request_id: Option<HeaderValue>,
    interrupt: Option<Interrupt>,
    max_size: Option<u64>,
    write_mode: WriteMode,
    gates: Vec<Arc<dyn Gate>>,
    hand_over: Option<HandOver>,
    rejection: Option<Error>,
    original: Option<OriginalRequest>,
    concat: Option<NewConcat>,
    rollback: Option<Rollback>,
    observation: Option<Weak<Observation>>,
    logged: bool,
    internal: bool,
    passed: Passed,
    overrides: CarryOut,
}

/// The context of a request without one.
static EMPTY: Context = Context {
    target: None,
    base_url: None,
    stripped_prefix: None,
    scope: None,
    peer: None,
    disconnect: None,
    request_id: None,
    interrupt: None,
    max_size: None,
    write_mode: WriteMode::Streaming,
    gates: Vec::new(),
    hand_over: None,
    rejection: None,
    original: None,
    concat: None,
    rollback: None,
    observation: None,
    logged: false,
    internal: false,
    passed: Passed(0),
    overrides: CarryOut::Here,
};

impl Context {
    /// Returns the context of a request, or an empty one if it has none yet.
    #[must_use]
    pub fn of(extensions: &Extensions) -> &Self {
        extensions.get().unwrap_or(&EMPTY)
    }

    /// Returns the context of a request, and makes it first if it has none yet.
    pub fn of_mut(extensions: &mut Extensions) -> &mut Self {
        extensions.get_or_insert_default()
    }

    /// Returns the target of a request: the one that was [set](Self::set_target),
    /// or else the request's whole path.
    ///
    /// # Errors
    ///
    /// If no target was set and the path is not that of an upload, or if the upload
    /// is outside the [scope](Self::scope).
    pub fn target(request: &Parts) -> Result<Target, InvalidUploadId> {
        let context = Self::of(&request.extensions);
        match &context.target {
            Some(Target::Upload(id)) if !context.may_reach(id) => Err(InvalidUploadId::new()),
            Some(target) => Ok(target.clone()),
            None => context.target_at(request.uri.path()),
        }
    }

    /// Returns the target that a path names within the scope.
    pub(crate) fn target_at(&self, path: &str) -> Result<Target, InvalidUploadId> {
        let target = Target::from_path(path)?;
        match &self.scope {
            Some(scope) => scope.target(target),
            None => Ok(target),
        }
    }

    /// Sets the target: the collection, or one upload.
    pub fn set_target(&mut self, target: Target) {
        self.target = Some(target);
    }

    /// Returns the URL below which the client finds its uploads: the one that was
    /// [set](Self::set_base_url), or else the request's own path if the target is the
    /// collection, and `/` if it is an upload. With a [scope](Self::scope), the URLs
    /// below it omit the tenant's name.
    #[must_use]
    pub fn base_url(request: &Parts) -> BaseUrl {
        let context = Self::of(&request.extensions);
        let url = match &context.base_url {
            Some(url) => url.clone(),
            None => match Self::target(request) {
                Ok(Target::Collection) => BaseUrl::new(request.uri.path()),
                _ => BaseUrl::new("/"),
            },
        };
        match context.scope.as_ref().and_then(Scope::tenant) {
            Some(tenant) => url.within(tenant.as_str()),
            None => url,
        }
    }

    /// Whether a base URL was set. If so, the layers further in keep it.
    #[must_use]
    pub const fn has_base_url(&self) -> bool {
        self.base_url.is_some()
    }

    /// Sets the URL below which the client finds its uploads.
    pub fn set_base_url(&mut self, url: BaseUrl) {
        self.base_url = Some(url);
    }

    /// Returns the prefix of the client's path that a router has stripped from the
    /// request's URI, such as `/api`, without a trailing slash.
    #[must_use]
    pub fn stripped_prefix(&self) -> Option<&str> {
        self.stripped_prefix.as_deref()
    }

    /// Sets the prefix of the client's path that a router has stripped from the
    /// request's URI, such as `/api`. URLs of uploads then begin with it.
    ///
    /// `TusLayer` and `TusService` detect axum's prefix themselves; this is for other
    /// routers.
    pub fn set_stripped_prefix(&mut self, prefix: &str) {
        let prefix = prefix.trim_matches('/');
        self.stripped_prefix = (!prefix.is_empty()).then(|| format!("/{prefix}").into());
    }

    /// Returns the uploads that the request can reach, if a scope was set.
    #[must_use]
    pub const fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    /// Limits the request to the uploads of one tenant. Call it in a layer or a
    /// router in front of the stack. By default a request can reach all uploads.
    ///
    /// Everything that the client names is then looked up below the tenant: the
    /// upload of the URL, the parts in `Upload-Concat`, and the id of a new upload. A
    /// gate or a hook that chooses an id outside the scope causes an internal error.
    ///
    /// ```
    /// use http::Request;
    /// use tower_tus_layers::context::{Context, Scope};
    /// use tower_tus_layers::protocol::Target;
    ///
    /// let mut request = Request::head("/4af3").body(())?;
    /// Context::of_mut(request.extensions_mut()).set_scope(Scope::new("alice")?);
    /// let (parts, ()) = request.into_parts();
    /// assert_eq!(Context::target(&parts)?, Target::Upload("alice/4af3".parse()?));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_scope(&mut self, scope: Scope) {
        self.scope = Some(scope);
    }

    /// Whether an upload is within the scope.
    pub(crate) fn may_reach(&self, id: &UploadId) -> bool {
        let scope = self.scope.as_ref();
        scope.is_none_or(|scope| scope.contains(id))
    }

    /// Returns the peer of the connection, if the server has set it.
    #[must_use]
    pub const fn peer(&self) -> Option<Peer> {
        self.peer
    }

    /// Sets the peer of the connection.
    pub fn set_peer(&mut self, peer: Peer) {
        self.peer = Some(peer);
    }

    /// Returns the signal that the client has disconnected. It never fires unless a
    /// layer or the server has set it.
    #[must_use]
    pub fn disconnect(&self) -> Disconnect {
        self.disconnect.clone().unwrap_or_default()
    }

    /// Returns the signal that the client has disconnected, and creates it if there
    /// is none.
    pub fn disconnect_mut(&mut self) -> &Disconnect {
        self.disconnect.get_or_insert_default()
    }

    /// Sets the signal that the client has disconnected, for servers that detect this
    /// before they drop the response future.
    pub fn set_disconnect(&mut self, disconnect: Disconnect) {
        self.disconnect = Some(disconnect);
    }

    /// Returns the id of a request: its header `X-Request-ID` unless that is empty,
    /// or else the one that was [set](Self::set_request_id).
    #[must_use]
    pub fn request_id<B>(request: &Request<B>) -> Option<&HeaderValue> {
        const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
        let sent = request.headers().get(X_REQUEST_ID);
        let set = || Self::of(request.extensions()).request_id.as_ref();
        sent.filter(|id| !id.is_empty()).or_else(set)
    }

    /// Sets the id of a request whose client sent none. It is not added to the
    /// headers, so hooks report the request as the client sent it.
    pub fn set_request_id(&mut self, id: HeaderValue) {
        self.request_id = Some(id);
    }

    /// Returns the interrupt that ends the request's body from outside. Without the
    /// Interrupt layer, firing it has no effect.
    #[must_use]
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone().unwrap_or_default()
    }

    /// Sets the interrupt that ends the request's body from outside.
    pub fn set_interrupt(&mut self, interrupt: Interrupt) {
        self.interrupt = Some(interrupt);
    }

    /// Returns the maximum size of the upload in bytes; `None` means unlimited.
    #[must_use]
    pub const fn max_size(&self) -> Option<u64> {
        self.max_size
    }

    /// Sets the maximum size of the upload in bytes. If it is set several times, the
    /// lowest value counts.
    pub fn set_max_size(&mut self, bytes: u64) {
        self.max_size = Some(self.max_size.map_or(bytes, |max| max.min(bytes)));
    }

    /// Returns whether the bytes of this request are kept if its body fails.
    #[must_use]
    pub const fn write_mode(&self) -> WriteMode {
        self.write_mode
    }

    /// Sets whether the bytes of this request are kept if its body fails.
    pub fn set_write_mode(&mut self, mode: WriteMode) {
        self.write_mode = mode;
    }

    /// Returns the gates in the order in which they run.
    pub fn gates(&self) -> impl Iterator<Item = &dyn Gate> {
        self.gates.iter().map(|gate| &**gate)
    }

    /// Adds a gate that runs after the existing ones.
    pub fn add_gate(&mut self, gate: Arc<dyn Gate>) {
        self.gates.push(gate);
    }

    /// Whether one of the gates [decides](Gate::decides_completion) on completion.
    pub(crate) fn decides_completion(&self) -> bool {
        self.gates().any(Gate::decides_completion)
    }

    /// Returns the error that the request must be refused with, if any.
    #[must_use]
    pub const fn rejection(&self) -> Option<&Error> {
        self.rejection.as_ref()
    }

    /// Rejects the request: the first layer inside that can refuse it does so with
    /// `error`. If called several times, the first error counts.
    ///
    /// Layers outside Version use this instead of refusing themselves, since Version
    /// adds `Tus-Resumable` to the response.
    pub fn reject(&mut self, error: Error) {
        self.rejection.get_or_insert(error);
    }

    /// Returns the method and the headers that the client sent, even if a layer has
    /// derived this request from another.
    #[must_use]
    pub fn original(request: &Parts) -> (&Method, &HeaderMap) {
        match &Self::of(&request.extensions).original {
            Some(original) => original.parts(),
            None => (&request.method, &request.headers),
        }
    }

    /// Returns the concatenation that a creation asks for.
    pub(crate) const fn concat(&self) -> Option<&NewConcat> {
        self.concat.as_ref()
    }

    #[cfg_attr(not(feature = "concatenation"), allow(dead_code))]
    pub(crate) fn set_concat(&mut self, concat: NewConcat) {
        self.concat = Some(concat);
    }

    /// Returns how a layer rolls back a creation, if that is what this request does.
    /// Clients cannot set it.
    pub(crate) const fn rollback(&self) -> Option<Rollback> {
        self.rollback
    }

    /// Sets that the request only observes its upload so far.
    pub(crate) fn set_observation(&mut self, observation: &Arc<Observation>) {
        self.observation = Some(Arc::downgrade(observation));
    }

    /// Locks an upload that the request only observes so far, before it changes it.
    /// Returns whether this has waited for the lock: then the upload must be opened
    /// again.
    ///
    /// Does nothing if the upload is locked, or if another layer is responsible for
    /// its lock.
    pub(crate) async fn lock_to_change(&self, id: &UploadId) -> Result<bool, Error> {
        let Some(observation) = &self.observation else {
            return Ok(false);
        };
        let Some(observation) = observation.upgrade() else {
            return Err(Error::internal(
                "the request that observed the upload has ended",
            ));
        };
        match observation.id() == id {
            true => observation.lock().await,
            false => Ok(false),
        }
    }

    /// Returns the place where a new upload is to be left open, unless a gate may let
    /// others know of it.
    pub(crate) fn hand_over(&self) -> Option<&HandOver> {
        let place = self.hand_over.as_ref()?;
        (!self.gates().any(Gate::may_announce)).then_some(place)
    }

    /// Takes an upload that the creation before this request has left open.
    pub(crate) fn take_handed_over(&self, id: &UploadId) -> Option<Box<dyn Handle>> {
        self.hand_over.as_ref()?.take(id)
    }

    /// Whether the creation before this request has left the upload open, so that
    /// nobody else knows it.
    pub(crate) fn is_handed_over(&self, id: &UploadId) -> bool {
        self.hand_over.as_ref().is_some_and(|place| place.has(id))
    }

    /// Whether the core logs what it does for the request.
    pub(crate) const fn is_logged(&self) -> bool {
        self.logged
    }

    /// Makes the core log what it does for the request.
    pub(crate) fn set_logged(&mut self) {
        self.logged = true;
    }

    /// Returns whether the server itself made the request, for
    /// [`Uploads`](crate::uploads). Such a request needs no permission, and has no headers
    /// of a client.
    pub const fn is_internal(&self) -> bool {
        self.internal
    }

    /// Claims the overrides of the response for the calling layer. Returns whether an
    /// outer layer has claimed them before, and so carries them out.
    pub(crate) fn claim_overrides(&mut self) -> CarryOut {
        std::mem::replace(&mut self.overrides, CarryOut::Outside)
    }

    /// Returns which layer carries out the overrides of the response, for the core.
    pub(crate) const fn overrides(&self) -> CarryOut {
        self.overrides
    }

    /// Whether a layer has derived this request from another.
    #[cfg_attr(not(feature = "checksum"), allow(dead_code))]
    pub(crate) const fn is_derived(&self) -> bool {
        self.original.is_some()
    }
}

/// Fails with the error of a request that was [rejected](Context::reject) further
/// out.
pub(crate) fn check_rejection(extensions: &Extensions) -> Result<(), Error> {
    match Context::of(extensions).rejection() {
        Some(error) => Err(error.clone()),
        None => Ok(()),
    }
}

/// Creates a context for tests.
#[cfg(test)]
pub(crate) fn context(set: impl FnOnce(&mut Context)) -> Context {
    let mut context = Context::default();
    set(&mut context);
    context
}

//! The places where layers of your own go in, and the store.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use tower_tus_layers::protocol::Body;
use tower_tus_layers::store::Store;

use super::{Next, Stack};

impl Stack {
    /// Adds a layer outside all others. It sees each request as the host sends it, and
    /// each response as the client gets it.
    ///
    /// What it answers by itself carries no `Tus-Resumable`, and its future is dropped
    /// if the client disconnects. For tracing, and for what must see every response.
    /// Layers that change the type of bodies go in through
    /// [`IntoBodyLayer::around`](crate::layers::into_body::IntoBodyLayer::around):
    ///
    /// ```
    /// use tower_http::trace::TraceLayer;
    /// use tower_tus::{IntoBodyLayer, MemoryStore, Stack};
    ///
    /// let service = Stack::new(MemoryStore::default())
    ///     .layer_outside(IntoBodyLayer::around(TraceLayer::new_for_http()))
    ///     .into_service();
    /// ```
    pub fn layer_outside(mut self, layer: impl FitsStack) -> Self {
        self.outside.add(layer);
        self
    }

    /// Adds a layer outside the lock. It sees each request of a client once, with a
    /// valid version and target, before anything is locked or interrupted.
    ///
    /// It runs to its end even if the client disconnects, and its responses get
    /// `Tus-Resumable`. For authentication that the [`access`](Self::access) policy
    /// builds on, and rate limits.
    ///
    /// ```
    /// use http::Request;
    /// use tower::util::MapRequestLayer;
    /// use tower_tus::{AccessRequest, Body, Error, MemoryStore, Stack};
    ///
    /// #[derive(Clone)]
    /// struct User;
    ///
    /// let authenticate = MapRequestLayer::new(|mut request: Request<Body>| {
    ///     if request.headers().contains_key("Authorization") {
    ///         request.extensions_mut().insert(User);
    ///     }
    ///     request
    /// });
    /// let service = Stack::new(MemoryStore::default())
    ///     .layer_before_lock(authenticate)
    ///     .access(async |request: AccessRequest| match request.extension::<User>() {
    ///         Some(User) => Ok(()),
    ///         None => Err(Error::AccessDenied),
    ///     })
    ///     .into_service();
    /// ```
    pub fn layer_before_lock(mut self, layer: impl FitsStack) -> Self {
        self.before_lock.add(layer);
        self
    }

    /// Adds a layer next to the core. It sees each single step, such as the POST and
    /// the PATCH that a creation with bytes consists of, while the upload is locked.
    ///
    /// The extensions of a response have the
    /// [`Outcome`](crate::layers::protocol::Outcome) of the step. GET is answered
    /// further out.
    ///
    /// A layer that tells others of an upload before its client has the response also
    /// needs a gate that [may announce](crate::layers::gate::Gate::may_announce) it, or
    /// other processes can reach the upload while its first bytes are stored.
    pub fn layer_around_core(mut self, layer: impl FitsStack) -> Self {
        self.around_core.add(layer);
        self
    }

    /// Removes all layers that were added.
    pub fn without_layers(mut self) -> Self {
        self.outside = Place::default();
        self.before_lock = Place::default();
        self.around_core = Place::default();
        self
    }

    /// Wraps the store: `wrap` gets the store that is there, and returns the one that
    /// all layers use from now on. [Metrics](Self::metrics), if they are on, measure
    /// the result.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tower_tus::{MemoryStore, Stack, Store, async_trait};
    /// # use tower_tus::{Error, Handle, NewUpload, UploadId};
    ///
    /// /// A store that takes 100 uploads.
    /// #[derive(Debug)]
    /// struct Few(Arc<dyn Store>);
    /// # #[async_trait]
    /// # impl Store for Few {
    /// #     async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
    /// #         self.0.create(new).await
    /// #     }
    /// #     async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
    /// #         self.0.open(id).await
    /// #     }
    /// # }
    ///
    /// let service = Stack::new(MemoryStore::default()).map_store(Few).into_service();
    /// ```
    pub fn map_store<T: Store>(mut self, wrap: impl FnOnce(Arc<dyn Store>) -> T) -> Self {
        self.core = self.core.map_store(|store| Arc::new(wrap(store)));
        self
    }
}

/// A layer that a [`Stack`] can take in.
///
/// Each [`Layer`] is one whose service takes a `Request<Body>`, answers with a
/// `Response<Body>` and never fails. The service has to be
/// `Clone + Send + Sync + 'static`, and its future `Send`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit into the stack",
    label = "needs a layer over `Request<Body>` and `Response<Body>` that never fails",
    note = "wrap a layer that changes the type of bodies: `IntoBodyLayer::around(layer)`",
    note = "the service it makes has to be `Clone + Send + Sync + 'static`, with a `Send` future and `Error = Infallible`"
)]
pub trait FitsStack: Send + Sync + 'static {
    /// Puts the layer around the rest of the stack.
    #[doc(hidden)]
    fn put_around(&self, next: Next) -> Next;
}

#[diagnostic::do_not_recommend]
impl<L> FitsStack for L
where
    L: Layer<Next> + Send + Sync + 'static,
    L::Service: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    L::Service: Clone + Send + Sync + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send + 'static,
{
    fn put_around(&self, next: Next) -> Next {
        Next::new(self.layer(next))
    }
}

/// The layers of a user at one place, the outermost first.
#[derive(Clone, Default)]
pub(super) struct Place(Vec<Arc<dyn FitsStack>>);

impl Place {
    /// Adds a layer inside those that are there.
    pub(super) fn add(&mut self, layer: impl FitsStack) {
        self.0.push(Arc::new(layer));
    }

    /// The layers as one, or nothing, which costs nothing.
    pub(super) fn layer(self) -> Option<Placed> {
        (!self.0.is_empty()).then_some(Placed(self.0))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({})", self.0.len())
    }
}

/// The layers at one place.
pub(super) struct Placed(Vec<Arc<dyn FitsStack>>);

impl<S> Layer<S> for Placed
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    type Service = Next;

    fn layer(&self, inner: S) -> Next {
        let layers = self.0.iter().rev();
        layers.fold(Next::new(inner), |next, layer| layer.put_around(next))
    }
}

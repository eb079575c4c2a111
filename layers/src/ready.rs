//! Calls services later than they were polled ready.

use std::future::poll_fn;

use http::{Request, Response};
use tower_service::Service;

use crate::protocol::Body;

/// Takes the instance that was polled ready, which must be the one to call, and
/// leaves a clone.
pub(crate) fn take_ready<S: Clone>(service: &mut S) -> S {
    let clone = service.clone();
    std::mem::replace(service, clone)
}

/// Waits until a service is ready again, and calls it.
pub(crate) async fn call_again<S>(
    service: &mut S,
    request: Request<Body>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

mod calls;
mod messages;
mod service;
mod tls;

use std::sync::Arc;

use http::Request;
use http::request::Parts;
use tower_tus_layers::hook::{Event, Moment};
use tower_tus_layers::protocol::Upload;

fn event(moment: Moment, request: Parts) -> Event {
    let mut upload = Upload::new("a/b".parse().unwrap());
    upload.length = Some(11);
    Event::new(moment, upload, Arc::new(request))
}

fn post_finish() -> Event {
    let (request, ()) = Request::patch("/files/a/b").body(()).unwrap().into_parts();
    event(Moment::PostFinish, request)
}

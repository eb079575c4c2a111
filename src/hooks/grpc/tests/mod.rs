mod calls;
mod messages;
mod service;
mod tls;

use std::sync::Arc;

use http::Request;
use http::request::Parts;
use tower_tus_layers::hooks::{Event, HookKind};
use tower_tus_layers::protocol::{Length, Upload};

fn event(kind: HookKind, request: Parts) -> Event {
    let mut upload = Upload::new("a/b".parse().unwrap());
    upload.length = Some(Length::from(11));
    Event::new(kind, upload, Arc::new(request))
}

fn post_finish() -> Event {
    let (request, ()) = Request::patch("/files/a/b").body(()).unwrap().into_parts();
    event(HookKind::PostFinish, request)
}

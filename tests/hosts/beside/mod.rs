//! The stack beside middleware of others: the rows of `docs/middleware.md`.

#![allow(clippy::result_large_err, reason = "tower-http has the type")]

mod auth;
mod bodies;
mod cors;
mod load;
mod observe;
mod shutdown;
mod time;

use std::convert::Infallible;
use std::fmt::Debug;

use bytes::Bytes;
use futures_util::stream;
use http::request::Builder;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use tokio::sync::mpsc::{Sender, channel};
use tower::{Service, ServiceExt};

use crate::patient;
use crate::tus::{Answer, Content, content, request, streamed};

/// Sends a request to a service, and gives the whole answer.
async fn ask<S, B>(service: &S, request: Builder, body: Content) -> Answer
where
    S: Service<Request<Content>, Response = Response<B>, Error: Debug> + Clone,
    B: http_body::Body<Data = Bytes, Error: Debug>,
{
    let request = request.body(body).unwrap();
    let response = patient(service.clone().oneshot(request)).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = patient(body.collect()).await.unwrap().to_bytes();
    Response::from_parts(parts, body)
}

async fn head<S, B>(service: &S, path: &str) -> Answer
where
    S: Service<Request<Content>, Response = Response<B>, Error: Debug> + Clone,
    B: http_body::Body<Data = Bytes, Error: Debug>,
{
    ask(service, request(Method::HEAD, path), content("")).await
}

/// A body whose client sends when the test does. Once two frames are sent, the first
/// has been read.
fn held() -> (Sender<Bytes>, Content) {
    let (sender, mut receiver) = channel(1);
    let frames = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    (sender, streamed(frames))
}

/// The application behind the uploads.
async fn hello(_: Request<Content>) -> Result<Response<Content>, Infallible> {
    Ok(Response::new(content("hello")))
}

fn get(path: &str) -> Builder {
    Request::get(path)
}

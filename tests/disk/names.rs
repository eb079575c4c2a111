//! A hook that gives each upload the id that its client has chosen.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// An HTTP server for `pre-create`. The id of an upload is the value of `id` in
/// its metadata, so that a test can ask for the same id again.
pub(crate) struct Names(SocketAddr);

impl Names {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(name));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self(address)
    }

    /// Returns the flags of a server that asks for names here.
    pub(crate) fn flags(&self) -> [String; 2] {
        let hooks = format!("-hooks-http=http://{}/", self.0);
        [hooks, "-hooks-enabled-events=pre-create".to_owned()]
    }
}

async fn name(body: Bytes) -> ([(&'static str, &'static str); 1], String) {
    let event: Value = serde_json::from_slice(&body).unwrap();
    let reply = match event["Event"]["Upload"]["MetaData"]["id"].as_str() {
        Some(id) => json!({ "ChangeFileInfo": { "ID": id } }),
        None => json!({}),
    };
    ([("content-type", "application/json")], reply.to_string())
}

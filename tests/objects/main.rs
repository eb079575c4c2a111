//! Servers whose uploads are in a bucket, from outside.

#[path = "../harness/mod.rs"]
mod harness;

mod admin;
mod balanced;
mod downloads;
mod quota;
mod start;
mod together;

use harness::Server;
use harness::tus::{Answer, Tus, Version, content};

/// Returns bytes of the file that all tests upload. None looks like its neighbours.
fn bytes(from: usize, to: usize) -> Vec<u8> {
    let byte = |at: usize| (at ^ (at >> 8).wrapping_mul(31) ^ (at >> 16)).to_le_bytes()[0];
    (from..to).map(byte).collect()
}

fn client(server: &Server) -> Tus {
    Tus::new(server.url(), Version::Http1)
}

/// Returns the URL of an upload at a server, whichever has created it.
fn at(server: &Server, url: &str) -> String {
    format!("{}{}", server.url(), id(url))
}

fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// Appends bytes of the file.
async fn append(server: &Server, url: &str, from: usize, to: usize) -> Answer {
    let body = content(bytes(from, to));
    let url = at(server, url);
    client(server).append(&url, from as u64, body).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

//! The server in one check, over one HTTP version.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Method, StatusCode};

use crate::harness::patient;
use crate::harness::tus::{Answer, Content, Tus, Version, code, content, number, request};
use crate::server::{Server, list};

pub(crate) const OFFSET_OCTET_STREAM: &str = "application/offset+octet-stream";

/// A client of the server, with assertions on responses.
pub(crate) struct Peer {
    tus: Tus,
    pub(crate) server: Arc<Server>,
    pub(crate) version: Version,
}

impl Peer {
    pub(crate) fn new(server: Arc<Server>, version: Version) -> Self {
        Self {
            tus: Tus::new(&server.url, version),
            server,
            version,
        }
    }

    /// Whether the server is ours, for which the suite knows more than the
    /// protocol.
    pub(crate) fn is_ours(&self) -> bool {
        self.server.ours.is_some()
    }

    pub(crate) fn offers(&self, what: &str) -> bool {
        self.server.offers.contains(what)
    }

    /// Returns the URL of an upload with this id.
    pub(crate) fn at(&self, id: &str) -> String {
        format!("{}/{id}", self.url.trim_end_matches('/'))
    }

    /// Returns the URL of an upload that does not exist.
    pub(crate) fn nowhere(&self) -> String {
        self.at("24e533e02ec3bc40c387f1a0e460e216")
    }

    pub(crate) async fn options(&self) -> HeaderMap {
        let answer = self.ask(request(Method::OPTIONS, &self.url)).await;
        answer.headers().clone()
    }

    /// Returns the elements of a list header of OPTIONS.
    pub(crate) async fn announced(&self, header: &str) -> Vec<String> {
        list(&self.options().await, header).collect()
    }

    /// Creates an upload with these headers, and returns its URL.
    pub(crate) async fn create_with(&self, headers: &[(&str, &str)]) -> String {
        let answer = self.ask(with(self.post(), headers)).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{headers:?}");
        self.location(&answer)
    }

    /// Creates an upload with deferred length, and returns its URL.
    pub(crate) async fn deferred(&self) -> String {
        self.create_with(&[("Upload-Defer-Length", "1")]).await
    }

    /// Creates an upload with these bytes, and returns its URL.
    pub(crate) async fn upload(&self, bytes: &'static str) -> String {
        let url = self.create(bytes.len() as u64).await;
        self.appends(&url, 0, bytes).await;
        url
    }

    /// Builds a creation that may contain bytes.
    pub(crate) fn post_bytes(&self) -> Builder {
        self.post().header("Content-Type", OFFSET_OCTET_STREAM)
    }

    /// Sends a request with bytes.
    pub(crate) async fn give(&self, request: Builder, bytes: Content) -> Answer {
        self.send(request.body(bytes).unwrap()).await
    }

    /// Appends at `offset`, and expects success.
    pub(crate) async fn appends(&self, url: &str, offset: u64, bytes: &'static str) {
        let answer = self.append(url, offset, content(bytes)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        let reached = number(answer.headers(), "upload-offset");
        assert_eq!(reached, offset + bytes.len() as u64);
    }

    /// Returns the offset of an upload whose last request may still be running.
    pub(crate) async fn settled_offset(&self, url: &str) -> u64 {
        let settled = async {
            loop {
                let answer = self.head(url).await;
                if answer.status().is_success() {
                    return number(answer.headers(), "upload-offset");
                }
                assert_eq!(answer.status(), StatusCode::LOCKED);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        patient(settled).await
    }

    /// Downloads an upload, from a server that supports it.
    pub(crate) async fn bytes(&self, url: &str) -> Bytes {
        let answer = self.ask(request(Method::GET, url)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.into_body()
    }

    /// Expects this status, and from our server also this code.
    #[track_caller]
    pub(crate) fn says(&self, answer: &Answer, status: u16, code_of_ours: &str) {
        assert_eq!(answer.status(), status);
        if self.is_ours() {
            assert_eq!(code(answer), code_of_ours);
        }
    }

    /// Expects a refusal whose status the protocol leaves open; from our server
    /// this status and this code.
    #[track_caller]
    pub(crate) fn refuses(&self, answer: &Answer, status: u16, code_of_ours: &str) {
        assert!(answer.status().is_client_error(), "{}", answer.status());
        if self.is_ours() {
            self.says(answer, status, code_of_ours);
        }
    }

    /// Like [`refuses`](Self::refuses), where our server has several statuses
    /// too.
    #[track_caller]
    pub(crate) fn refuses_by(&self, answer: &Answer, statuses_of_ours: &[u16]) {
        let status = answer.status();
        assert!(status.is_client_error(), "{status}");
        assert!(
            !self.is_ours() || statuses_of_ours.contains(&status.as_u16()),
            "{status}"
        );
    }

    /// Expects that the upload does not exist.
    #[track_caller]
    pub(crate) fn is_gone(&self, answer: &Answer) {
        let status = answer.status().as_u16();
        let allowed: &[u16] = if self.is_ours() { &[404] } else { &[404, 410] };
        assert!(allowed.contains(&status), "{status}");
    }
}

impl Deref for Peer {
    type Target = Tus;

    fn deref(&self) -> &Tus {
        &self.tus
    }
}

/// Adds headers to a request.
pub(crate) fn with(request: Builder, headers: &[(&str, &str)]) -> Builder {
    let add = |request: Builder, (name, value): &(&str, &str)| request.header(*name, *value);
    headers.iter().fold(request, add)
}

/// Expects that nothing was created.
#[track_caller]
pub(crate) fn made_nothing(answer: &Answer) {
    assert!(!answer.headers().contains_key("location"));
}

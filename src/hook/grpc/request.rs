//! An event as the message that tells it.

use std::collections::BTreeMap;

use http::header::{COOKIE, HOST};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Version};
use tower_tus_layers::hook::{Event, Moment};
use tower_tus_layers::protocol::{Peer, Role, Upload};

use super::message::{self, FileInfo, HookRequest, HttpRequest};

impl From<&Event> for HookRequest {
    fn from(event: &Event) -> Self {
        let mut upload = FileInfo::from(&event.upload);
        if event.moment == Moment::PreCreate {
            // tusd has no name for it yet.
            upload.id.clear();
        }
        Self {
            r#type: event.moment.as_str().to_owned(),
            event: Some(message::Event {
                upload: Some(upload),
                http_request: Some(HttpRequest::from(&*event.request)),
            }),
        }
    }
}

impl From<&Upload> for FileInfo {
    fn from(upload: &Upload) -> Self {
        let metadata = upload.metadata.iter();
        let partial_uploads = match upload.concat.as_ref().map(|concat| &concat.role) {
            Some(Role::Final { parts, .. }) => parts.iter().map(ToString::to_string).collect(),
            Some(Role::Partial { .. }) | None => Vec::new(),
        };
        Self {
            id: upload.id.to_string(),
            size: integer(upload.length.unwrap_or(0)),
            size_is_deferred: upload.length.is_none(),
            offset: integer(upload.offset),
            meta_data: metadata
                .map(|(key, value)| (key.to_owned(), text(value)))
                .collect(),
            is_partial: upload.is_partial(),
            is_final: upload.is_final(),
            partial_uploads,
            storage: upload.storage.as_deref().cloned().unwrap_or_default(),
        }
    }
}

impl From<&Parts> for HttpRequest {
    fn from(request: &Parts) -> Self {
        let target = request.uri.path_and_query();
        let peer = request.extensions.get::<Peer>();
        Self {
            method: request.method.to_string(),
            uri: target.map(ToString::to_string).unwrap_or_default(),
            remote_addr: peer.map(ToString::to_string).unwrap_or_default(),
            header: headers(request),
        }
    }
}

/// The first value of each header, as tusd has it.
fn headers(request: &Parts) -> BTreeMap<String, String> {
    let names = request.headers.keys();
    let mut headers: BTreeMap<_, _> = names
        .map(|name| {
            let first = text(request.headers[name].as_bytes());
            (canonical(name), first)
        })
        .collect();
    if request.version == Version::HTTP_2 && headers.contains_key("Cookie") {
        // Clients may send each in a line of its own there.
        let crumbs = request.headers.get_all(COOKIE).iter();
        let crumbs: Vec<_> = crumbs.map(HeaderValue::as_bytes).map(text).collect();
        headers.insert("Cookie".to_owned(), crumbs.join("; "));
    }
    if !request.headers.contains_key(HOST)
        && let Some(authority) = request.uri.authority()
    {
        headers.insert("Host".to_owned(), authority.to_string());
    }
    headers
}

/// The name as Go writes it: `X-Request-Id`.
fn canonical(name: &HeaderName) -> String {
    let words = name.as_str().split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("-")
}

/// Bytes that are no text have no place in a message.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn integer(value: u64) -> i64 {
    // No upload is longer.
    i64::try_from(value).unwrap_or(i64::MAX)
}

//! Converts an event to a request message.

use http::request::Parts;
use tower_tus_layers::context::Context;
use tower_tus_layers::hooks::Event;
use tower_tus_layers::protocol::{Concat, Upload};

use super::message::{self, FileInfo, HookRequest, HttpRequest};
use crate::hooks::payload::{headers, id, target, text};

impl From<&Event> for HookRequest {
    fn from(event: &Event) -> Self {
        let mut upload = FileInfo::from(&event.upload);
        upload.id = id(event).to_owned();
        Self {
            r#type: event.kind.as_str().to_owned(),
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
        let parts = upload.concat.as_ref().map_or(&[][..], Concat::parts);
        let partial_uploads = parts.iter().map(ToString::to_string).collect();
        Self {
            id: upload.id.to_string(),
            size: integer(upload.length.unwrap_or_default().get()),
            size_is_deferred: upload.length.is_none(),
            offset: integer(upload.offset.get()),
            meta_data: metadata
                .map(|(key, value)| (key.to_owned(), text(value).into_owned()))
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
        let peer = Context::of(&request.extensions).peer();
        Self {
            method: request.method.to_string(),
            uri: target(request),
            remote_addr: peer.map_or_else(String::new, |peer| peer.to_string()),
            // The first value of each header, like in tusd.
            header: headers(request)
                .into_iter()
                .filter_map(|(name, values)| Some((name, values.into_iter().next()?)))
                .collect(),
        }
    }
}

fn integer(value: u64) -> i64 {
    // No upload is longer.
    i64::try_from(value).unwrap_or(i64::MAX)
}

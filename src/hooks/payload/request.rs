//! The JSON of an event, with tusd's members in tusd's order.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use tower_tus_layers::context::Context;
use tower_tus_layers::hooks::{Event, HookKind};
use tower_tus_layers::protocol::Upload;

use super::headers::{headers, target};
use super::text::{json, text};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HookRequest<'a> {
    r#type: &'static str,
    event: HookEvent<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HookEvent<'a> {
    upload: FileInfo<'a>,
    #[serde(rename = "HTTPRequest")]
    http_request: HttpRequest<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FileInfo<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    size: u64,
    size_is_deferred: bool,
    offset: u64,
    meta_data: BTreeMap<&'a str, Cow<'a, str>>,
    is_partial: bool,
    is_final: bool,
    partial_uploads: Option<Vec<&'a str>>,
    storage: Option<&'a BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HttpRequest<'a> {
    method: &'a str,
    #[serde(rename = "URI")]
    uri: String,
    remote_addr: String,
    header: BTreeMap<String, Vec<String>>,
}

/// Writes an event like tusd.
pub(in crate::hooks) fn request(event: &Event) -> Vec<u8> {
    let (upload, request) = (&event.upload, &*event.request);
    let peer = Context::of(&request.extensions).peer();
    json(&HookRequest {
        r#type: event.kind.as_str(),
        event: HookEvent {
            upload: file_info(upload, id(event)),
            http_request: HttpRequest {
                method: request.method.as_str(),
                uri: target(request),
                remote_addr: peer.map_or_else(String::new, |peer| peer.to_string()),
                header: headers(request),
            },
        },
    })
}

/// Returns the id of the upload, which is empty before it is created.
pub(in crate::hooks) fn id(event: &Event) -> &str {
    match event.kind {
        HookKind::PreCreate => "",
        _ => event.upload.id.as_str(),
    }
}

fn file_info<'a>(upload: &'a Upload, id: &'a str) -> FileInfo<'a> {
    let metadata = upload.metadata.iter();
    FileInfo {
        id,
        size: upload.length.unwrap_or_default().get(),
        size_is_deferred: upload.length.is_none(),
        offset: upload.offset.get(),
        meta_data: metadata.map(|(key, value)| (key, text(value))).collect(),
        is_partial: upload.is_partial(),
        is_final: upload.is_final(),
        partial_uploads: partial_uploads(upload),
        storage: upload.storage.as_deref(),
    }
}

/// Returns the parts of a final upload.
fn partial_uploads(upload: &Upload) -> Option<Vec<&str>> {
    let concat = upload.concat.as_ref().filter(|concat| concat.is_final())?;
    Some(concat.parts().iter().map(|id| id.as_str()).collect())
}

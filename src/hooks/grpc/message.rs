//! The messages of `hook.proto`, as `prost-build` would generate them.

use std::collections::BTreeMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct HookRequest {
    #[prost(string, tag = "1")]
    pub(super) r#type: String,
    #[prost(message, optional, tag = "2")]
    pub(super) event: Option<Event>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    #[prost(message, optional, tag = "1")]
    pub(super) upload: Option<FileInfo>,
    #[prost(message, optional, tag = "2")]
    pub(super) http_request: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FileInfo {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(int64, tag = "2")]
    pub(super) size: i64,
    #[prost(bool, tag = "3")]
    pub(super) size_is_deferred: bool,
    #[prost(int64, tag = "4")]
    pub(super) offset: i64,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(super) meta_data: BTreeMap<String, String>,
    #[prost(bool, tag = "6")]
    pub(super) is_partial: bool,
    #[prost(bool, tag = "7")]
    pub(super) is_final: bool,
    #[prost(string, repeated, tag = "8")]
    pub(super) partial_uploads: Vec<String>,
    #[prost(btree_map = "string, string", tag = "9")]
    pub(super) storage: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpRequest {
    #[prost(string, tag = "1")]
    pub(super) method: String,
    #[prost(string, tag = "2")]
    pub(super) uri: String,
    #[prost(string, tag = "3")]
    pub(super) remote_addr: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(super) header: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HookResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) http_response: Option<HttpResponse>,
    #[prost(bool, tag = "2")]
    pub(super) reject_upload: bool,
    #[prost(bool, tag = "3")]
    pub(super) stop_upload: bool,
    #[prost(message, optional, tag = "4")]
    pub(super) change_file_info: Option<FileInfoChanges>,
    #[prost(bool, tag = "101")]
    pub(super) reject_termination: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FileInfoChanges {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(super) meta_data: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(super) storage: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpResponse {
    #[prost(int64, tag = "1")]
    pub(super) status_code: i64,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(super) header: BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub(super) body: String,
}

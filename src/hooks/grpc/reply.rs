//! Reads a hook's response message.

use super::message;
use crate::hooks::payload::{FileInfoChanges, HookResponse, HttpResponse};

impl From<message::HookResponse> for HookResponse {
    fn from(message: message::HookResponse) -> Self {
        let http = message.http_response.unwrap_or_default();
        let change = message.change_file_info.unwrap_or_default();
        Self {
            http_response: HttpResponse {
                status_code: http.status_code,
                body: http.body,
                header: http.header,
            },
            reject_upload: message.reject_upload,
            reject_termination: message.reject_termination,
            stop_upload: message.stop_upload,
            change_file_info: FileInfoChanges {
                id: change.id,
                // In protobuf, an empty map is the same as a missing one.
                meta_data: Some(change.meta_data).filter(|pairs| !pairs.is_empty()),
                storage: change.storage,
            },
        }
    }
}

/// Decodes the bytes of a message.
#[cfg(feature = "_fuzzing")]
pub(in crate::hooks) fn decode(message: &[u8]) -> Result<HookResponse, prost::DecodeError> {
    let message: message::HookResponse = prost::Message::decode(message)?;
    Ok(message.into())
}

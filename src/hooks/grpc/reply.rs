//! What a hook server's message says.

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
                // A map that is empty and one that is not there look the same.
                meta_data: Some(change.meta_data).filter(|pairs| !pairs.is_empty()),
                storage: change.storage,
            },
        }
    }
}

use tower_tus_layers::protocol::{BoxError, Upload, UploadId};

use super::info::Document;

/// Reads `.info`, and returns the upload that it describes if the data file has `len`
/// bytes, and the document as it is written then.
///
/// # Errors
///
/// If the document is cut short or invalid.
pub fn info(json: &[u8], id: UploadId, len: u64) -> Result<(Upload, Vec<u8>), BoxError> {
    let mut document = Document::parse(json)?;
    let upload = document.upload(id, len);
    document.update(&upload);
    Ok((upload, document.to_json()))
}

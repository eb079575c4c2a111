use super::Upload;

/// What a request did: a response extension that the core sets and layers read.
///
/// It is there whenever the request reached an upload and the core answered,
/// also when the answer is an error after some bytes were stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The upload after the request.
    pub upload: Upload,
    /// The request created the upload.
    pub created: bool,
    /// Bytes that the request stored.
    pub received: u64,
    /// The request finished the upload.
    pub finished: bool,
    /// The request ended the upload.
    pub terminated: bool,
    /// What it did to other uploads by the way: finals that waited for this one.
    pub others: Vec<Self>,
}

impl Outcome {
    /// Nothing done yet to this upload.
    #[must_use]
    pub const fn new(upload: Upload) -> Self {
        Self {
            upload,
            created: false,
            received: 0,
            finished: false,
            terminated: false,
            others: Vec::new(),
        }
    }
}

use http::Extensions;

use super::Upload;

/// What a request did: a response extension that the core sets and layers read.
///
/// It is there whenever the request reached an upload and the core answered,
/// also when the answer is an error after some bytes were stored. A layer that has
/// more to say [records](Self::record) an outcome of its own, which is merged into
/// the one that is there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The upload after the request.
    pub upload: Upload,
    /// The request created the upload.
    pub created: bool,
    /// The number of bytes that the request stored.
    pub received: u64,
    /// The request finished the upload.
    pub finished: bool,
    /// The request terminated the upload.
    pub terminated: bool,
    /// What it did to other uploads: finals that waited for this one.
    pub others: Vec<Self>,
}

impl Outcome {
    /// An outcome by which nothing was done to this upload.
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

    /// Returns the outcome of a request, if its response has one.
    #[must_use]
    pub fn of(response: &Extensions) -> Option<&Self> {
        response.get()
    }

    /// Adds what was done later: to the same upload, or to another one.
    ///
    /// ```
    /// use tower_tus_layers::protocol::{Outcome, Upload};
    ///
    /// let upload = Upload::new("a".parse()?);
    /// let mut outcome = Outcome::new(upload.clone());
    /// outcome.created = true;
    ///
    /// let mut later = Outcome::new(upload);
    /// later.received = 5;
    /// outcome.merge(later);
    /// outcome.merge(Outcome::new(Upload::new("b".parse()?)));
    /// assert!(outcome.created);
    /// assert_eq!(outcome.received, 5);
    /// assert_eq!(outcome.others.len(), 1);
    /// # Ok::<_, tower_tus_layers::protocol::InvalidUploadId>(())
    /// ```
    pub fn merge(&mut self, later: Self) {
        if later.upload.id != self.upload.id {
            self.others.push(later);
            return;
        }
        self.upload = later.upload;
        self.created |= later.created;
        self.received += later.received;
        self.finished |= later.finished;
        self.terminated |= later.terminated;
        self.others.extend(later.others);
    }

    /// Puts this outcome into the extensions of a response, behind what was done
    /// before.
    pub fn record(self, response: &mut Extensions) {
        match response.get_mut::<Self>() {
            Some(before) => before.merge(self),
            None => drop(response.insert(self)),
        }
    }
}

use http::Extensions;

use super::Upload;

/// What a request did: a response extension that the core sets and layers read.
///
/// It is present whenever the request reached an upload and the core answered,
/// even with an error after some bytes were stored. A layer that has something
/// to add [records](Self::record) its own outcome, which is merged into the
/// existing one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The state of the upload after the request.
    pub upload: Upload,
    /// Whether the request created the upload.
    pub created: bool,
    /// The number of bytes that the request stored.
    pub received: u64,
    /// Whether the request finished the upload.
    pub finished: bool,
    /// Whether the request terminated the upload.
    pub terminated: bool,
    /// Whether the request removed the upload because it has expired. It is not
    /// [terminated](Self::terminated) then.
    pub expired: bool,
    /// What the request did to other uploads: finals that waited for this one.
    pub others: Vec<Self>,
}

impl Outcome {
    /// Creates an outcome in which the request did nothing to this upload.
    #[must_use]
    pub const fn new(upload: Upload) -> Self {
        Self {
            upload,
            created: false,
            received: 0,
            finished: false,
            terminated: false,
            expired: false,
            others: Vec::new(),
        }
    }

    /// Returns the outcome of a request, if its response has one.
    #[must_use]
    pub fn of(response: &Extensions) -> Option<&Self> {
        response.get()
    }

    /// Adds a later outcome, of the same upload or of another one.
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
        self.expired |= later.expired;
        self.others.extend(later.others);
    }

    /// Merges this outcome into the one in the extensions of a response, or
    /// inserts it.
    pub fn record(self, response: &mut Extensions) {
        match response.get_mut::<Self>() {
            Some(before) => before.merge(self),
            None => drop(response.insert(self)),
        }
    }
}

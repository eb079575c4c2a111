use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use headers::HeaderMapExt;
use http::request::Parts;

use super::{Events, UploadEvent};
use crate::context::Context;
use crate::gate::Gate;
use crate::protocol::{Action, Error, Upload};
use crate::store::WriteMode;

/// The upload whose bytes a request brings. As a gate it learns which one that is, and
/// makes known that subscribers may hear of a new upload before its client does.
#[derive(Debug, Default)]
pub(super) struct Receiving {
    /// The upload before the bytes, unless they may be rolled back: progress of such a
    /// chunk is not told before it is kept.
    upload: OnceLock<Upload>,
    told: AtomicU64,
}

impl Receiving {
    /// Tells that `bytes` of the body have arrived, unless none have since it was told
    /// last.
    pub(super) fn tell(&self, events: &Events, bytes: u64) {
        let Some(upload) = self.upload.get() else {
            return;
        };
        if self.told.swap(bytes, Ordering::Relaxed) == bytes || !events.is_heard() {
            return;
        }
        let mut upload = upload.clone();
        upload.offset = upload.offset.saturating_add(bytes);
        events.tell(UploadEvent::Progress(Arc::new(upload)));
    }

    /// Returns how many bytes of the body were told last.
    pub(super) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Gate for Receiving {
    async fn opened(&self, request: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
        let mode = Context::of(&request.extensions).write_mode();
        if action == Action::Append && mode == WriteMode::Streaming {
            let mut upload = upload.clone();
            // The core declares this length before it reads bytes. DEF-03
            upload.length = upload.length.or_else(|| request.headers.typed_get());
            // A request appends to one upload.
            let _ = self.upload.set(upload);
        }
        Ok(())
    }
}

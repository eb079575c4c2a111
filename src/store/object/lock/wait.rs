//! Waits until no other server writes an upload.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};
use tower_tus_layers::protocol::{Error, UploadId};

use crate::store::object::ObjectStore;
use crate::store::object::calls::retried;
use crate::store::object::info::Info;
use crate::store::object::keys::Keys;
use crate::store::object::objects::{Objects, Result as ObjectResult};
use crate::store::object::state::State;
use crate::store::object::swap::{Swapped, swap, want};

/// How often to look whether the writer has ended.
const POLL: Duration = Duration::from_millis(100);
/// How long a writer that was asked to end may show no sign of life. It looks whether it
/// was asked every 300 ms, and shows then as often that it is ending.
const PATIENCE: Duration = Duration::from_millis(700);
/// A writer that has written nothing for so long is dead: it renews its announcement
/// every 10 seconds. The rest is for clocks that differ, which no object store allows by
/// more than 15 minutes.
const DEAD: Duration = Duration::from_secs(20 * 60);

/// Asks the writer to end, and waits for it as long as it shows that it does. Takes over
/// from one that does not.
pub(super) async fn until_free(
    store: &ObjectStore,
    id: &UploadId,
    timeout: Duration,
) -> Result<(Keys, Info), Error> {
    let begin = Instant::now();
    let (keys, mut info) = retried(|| Info::find(store, id)).await?;
    let (objects, keys) = (&*store.objects, &keys);
    let (mut seen, mut since) = (None, begin);
    while info.state.writer.is_some() {
        // Each write of the writer draws another token, and so does another writer.
        if seen.as_ref() != Some(&info.state.token) {
            (seen, since) = (Some(info.state.token.clone()), Instant::now());
        }
        let patience = PATIENCE.saturating_sub(since.elapsed());
        let left = timeout.saturating_sub(begin.elapsed());
        info = if !info.state.wanted {
            newest(want(objects, keys, &info).await?)
        } else if patience.is_zero() {
            newest(take_over(objects, keys, &info).await?)
        } else if left.is_zero() {
            return Err(Error::LockTimeout);
        } else {
            sleep(POLL.min(patience).min(left)).await;
            retried(|| Info::read(objects, keys)).await?
        };
    }
    Ok((keys.clone(), info))
}

/// Returns the state if nobody writes the upload. Asks nobody to end.
pub(super) async fn if_free(
    store: &ObjectStore,
    id: &UploadId,
) -> Result<Option<(Keys, Info)>, Error> {
    let (keys, info) = retried(|| Info::find(store, id)).await?;
    if info.state.writer.is_none() {
        return Ok(Some((keys, info)));
    }
    if is_written(&info, SystemTime::now()) {
        return Ok(None);
    }
    match take_over(&*store.objects, &keys, &info).await? {
        Swapped::Done(info) => Ok(Some((keys, info))),
        Swapped::Newer(_) => Ok(None),
    }
}

/// Returns whether another server writes the upload.
pub(super) async fn is_held(store: &ObjectStore, id: &UploadId) -> Result<bool, Error> {
    let (_, info) = retried(|| Info::find(store, id)).await?;
    Ok(is_written(&info, SystemTime::now()))
}

fn is_written(info: &Info, now: SystemTime) -> bool {
    let age = info.modified.and_then(|at| now.duration_since(at).ok());
    info.state.writer.is_some() && age.is_none_or(|age| age < DEAD)
}

/// Fences the writer: whatever it writes from now on is refused.
async fn take_over(objects: &dyn Objects, keys: &Keys, info: &Info) -> ObjectResult<Swapped> {
    let state = State {
        epoch: info.state.epoch + 1,
        writer: None,
        wanted: false,
        ..info.state.clone()
    };
    swap(objects, keys, info, info.document.clone(), state).await
}

fn newest(swapped: Swapped) -> Info {
    match swapped {
        Swapped::Done(info) | Swapped::Newer(info) => info,
    }
}

#[cfg(test)]
mod tests {
    use tower_tus_layers::protocol::{Metadata, NewUpload, Upload};

    use super::*;
    use crate::store::document::Document;
    use crate::store::object::objects::Tag;

    #[test]
    fn a_writer_that_renews_its_announcement_is_alive() {
        let now = SystemTime::now();
        let upload = Upload::from(NewUpload::new(None, Metadata::EMPTY));
        let mut info = Info {
            document: Document::new(&upload, [("Key", String::new())]),
            state: State::new(),
            tag: Tag(String::new()),
            modified: Some(now),
            refused: None,
        };
        assert!(!is_written(&info, now), "nobody writes it");
        info.state.writer = Some("w".into());
        assert!(is_written(&info, now + DEAD / 2));
        assert!(!is_written(&info, now + DEAD));
        assert!(is_written(&info, now - DEAD), "its clock is ahead");
    }
}

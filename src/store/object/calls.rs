//! Calls that are made more than once, or side by side.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::sleep;

use super::objects::{MultipartId, ObjectError, Objects, Part, Result};

const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
];
const SIDE_BY_SIDE: usize = 8;

/// Makes a call that may be repeated, a few times if the store is busy or does not
/// answer.
pub(super) async fn retried<T, F>(call: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    for pause in PAUSES {
        match call().await {
            Err(ObjectError::Busy(_) | ObjectError::Unknown(_)) => sleep(pause).await,
            done => return done,
        }
    }
    call().await
}

/// Returns all parts of a multipart upload, in the order of their numbers.
pub(super) async fn all_parts(
    objects: &dyn Objects,
    key: &str,
    multipart: &MultipartId,
) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    loop {
        let after = parts.last().map_or(0, |part| part.number);
        let page = retried(|| objects.parts(key, multipart, after)).await?;
        let is_last = !page.is_truncated || page.parts.is_empty();
        parts.extend(page.parts);
        // Not every server sorts them.
        parts.sort_unstable_by_key(|part| part.number);
        if is_last {
            return Ok(parts);
        }
    }
}

/// Makes calls, a few at a time, and returns their results in the same order.
pub(super) async fn side_by_side<T, F>(calls: Vec<F>) -> Vec<Result<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (mut running, mut results) = (VecDeque::new(), Vec::new());
    for call in calls {
        if running.len() == SIDE_BY_SIDE
            && let Some(first) = running.pop_front()
        {
            results.push(joined(first).await);
        }
        running.push_back(tokio::spawn(call));
    }
    for call in running {
        results.push(joined(call).await);
    }
    results
}

/// Waits for a call that runs in a task.
pub(super) async fn joined<T>(task: tokio::task::JoinHandle<Result<T>>) -> Result<T> {
    let ended = task.await;
    ended.unwrap_or_else(|error| Err(ObjectError::Unknown(error.into())))
}

//! Tries out whether a bucket keeps the promises on which uploads rely.

use std::fmt;

use tower_tus_layers::protocol::UploadId;

use super::calls::{retried, side_by_side};
use super::objects::{
    MultipartId, ObjectError, Objects, PartNumber, Payload, Properties, Result, Tag, When,
};
use super::{Keys, ObjectStore};

/// How many writers race. One after the other, each would get its way even where
/// conditions are checked before the bytes arrive.
const WRITERS: usize = 8;
const RACES: usize = 2;
/// How often a race is run again in which the store was too busy to tell.
const ATTEMPTS: usize = 3;
/// Parts of an upload have such numbers after a takeover.
const NUMBERS: [PartNumber; 2] = [2, 18];

/// What an object store does not do, although uploads rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Missing {
    /// It ignores the conditions of writes. Then two servers can write an upload at
    /// the same time, and damage it.
    ConditionalWrites,
    /// It refuses objects whose part numbers are not consecutive. Then an upload cannot
    /// be finished after one server has taken it over from another.
    PartGaps,
    /// It ignores the condition of the request that joins parts. Then an upload could
    /// replace an object of somebody else.
    ConditionalCompletion,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConditionalWrites => {
                "it ignores If-Match or If-None-Match when an object is written"
            }
            Self::PartGaps => "it refuses multipart uploads with gaps between the part numbers",
            Self::ConditionalCompletion => {
                "it ignores If-None-Match when a multipart upload is completed"
            }
        })
    }
}

/// Returns what the bucket lacks. It writes a few objects and removes them again.
pub(super) async fn probe(store: &ObjectStore) -> Result<Vec<Missing>> {
    let mut missing = Vec::new();
    if !has_conditional_writes(store).await? {
        missing.push(Missing::ConditionalWrites);
    }
    let scratch = Scratch::new(store);
    let joined = has_gaps_and_conditions(&scratch).await;
    scratch.remove().await?;
    missing.extend(joined?);
    Ok(missing)
}

/// A place in the bucket for one trial. What a crash leaves is swept like a piece that
/// no upload needs.
struct Scratch<'a> {
    store: &'a ObjectStore,
    key: String,
}

impl<'a> Scratch<'a> {
    fn new(store: &'a ObjectStore) -> Self {
        let key = Keys::new(&store.prefix, &UploadId::random()).piece("probe");
        Self { store, key }
    }

    fn objects(&self) -> &'a dyn Objects {
        &*self.store.objects
    }

    async fn remove(&self) -> Result<()> {
        retried(|| self.objects().delete(&self.key)).await
    }
}

async fn has_conditional_writes(store: &ObjectStore) -> Result<bool> {
    for _ in 0..RACES {
        if !have_one_winner(store).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether one of many writers creates an object, and one of many replaces it.
async fn have_one_winner(store: &ObjectStore) -> Result<bool> {
    let mut attempts = 0;
    loop {
        let scratch = Scratch::new(store);
        let raced = races(&scratch).await;
        scratch.remove().await?;
        attempts += 1;
        match raced {
            Err(_) if attempts < ATTEMPTS => {}
            raced => return raced,
        }
    }
}

async fn races(scratch: &Scratch<'_>) -> Result<bool> {
    if !race(scratch, None).await? {
        return Ok(false);
    }
    let found = retried(|| scratch.objects().head(&scratch.key)).await?;
    race(scratch, Some(&found.tag)).await
}

/// Lets writers race for the object with the tag `old`. Returns whether one has won. It
/// is an error if none has, since the answer of the winner may be lost.
async fn race(scratch: &Scratch<'_>, old: Option<&Tag>) -> Result<bool> {
    let writers = (0..WRITERS).map(|writer| write(scratch, old.cloned(), writer));
    let (won, lost): (Vec<_>, Vec<_>) = side_by_side(writers.collect())
        .await
        .into_iter()
        .partition(Result::is_ok);
    match won.len() {
        0 => Err(reason(lost)),
        winners => Ok(winners == 1),
    }
}

/// Returns why nobody has won.
fn reason(lost: Vec<Result<Tag>>) -> ObjectError {
    let errors = lost.into_iter().filter_map(Result::err);
    let telling = errors.max_by_key(|error| !matches!(error, ObjectError::Refused));
    telling.unwrap_or(ObjectError::Refused)
}

fn write(
    scratch: &Scratch<'_>,
    old: Option<Tag>,
    writer: usize,
) -> impl Future<Output = Result<Tag>> + Send + 'static {
    let (objects, key) = (scratch.store.objects.clone(), scratch.key.clone());
    // Equal bytes could have equal tags.
    let payload = Payload::from(format!("{writer} of {WRITERS}, {}", UploadId::random()));
    async move {
        let when = old.as_ref().map_or(When::Absent, When::Match);
        objects
            .put(&key, payload, when, &Properties::default())
            .await
    }
}

async fn has_gaps_and_conditions(scratch: &Scratch<'_>) -> Result<Option<Missing>> {
    let (objects, rules) = (scratch.objects(), scratch.store.objects.rules());
    if rules.gaps {
        let sizes = [rules.min_part, 1];
        match join(scratch, sizes).await {
            Ok(_) => {}
            Err(ObjectError::Invalid(_) | ObjectError::NotFound) => {
                return Ok(Some(Missing::PartGaps));
            }
            Err(error) => return Err(error),
        }
        let found = retried(|| objects.head(&scratch.key)).await?;
        if found.size != rules.min_part + 1 {
            return Ok(Some(Missing::PartGaps));
        }
    }
    match rules.conditional_complete {
        true => completes_over_an_object(scratch).await,
        false => Ok(None),
    }
}

/// Tries to complete a multipart upload in the place of an object.
async fn completes_over_an_object(scratch: &Scratch<'_>) -> Result<Option<Missing>> {
    match write(scratch, None, 0).await {
        Ok(_) | Err(ObjectError::Refused) => {}
        Err(error) => return Err(error),
    }
    match join(scratch, [1]).await {
        Ok(_) => Ok(Some(Missing::ConditionalCompletion)),
        Err(ObjectError::Refused) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes an object of parts with these sizes, if there is none.
async fn join<const N: usize>(scratch: &Scratch<'_>, sizes: [u64; N]) -> Result<Tag> {
    let (objects, key) = (scratch.objects(), &scratch.key);
    let multipart = objects.begin(key, &Properties::default()).await?;
    let joined = join_parts(scratch, &multipart, sizes).await;
    if joined.is_err() {
        retried(|| objects.abort(key, &multipart)).await?;
    }
    joined
}

async fn join_parts<const N: usize>(
    scratch: &Scratch<'_>,
    multipart: &MultipartId,
    sizes: [u64; N],
) -> Result<Tag> {
    let (objects, key) = (scratch.objects(), &scratch.key);
    let mut parts = Vec::new();
    for (number, size) in NUMBERS.into_iter().zip(sizes) {
        let payload = Payload::from(vec![0; usize::try_from(size).unwrap_or_default()]);
        let put = || objects.put_part(key, multipart, number, payload.clone());
        parts.push((number, retried(put).await?));
    }
    objects.complete(key, multipart, &parts, When::Absent).await
}

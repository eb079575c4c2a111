//! Where the finished object of an upload is.
//!
//! The state, and bytes that are in no part, stay in the bucket of the store. A gate may
//! choose the key and the bucket of the object; nothing that a client sends does.

use std::fmt;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, NewUpload};

use super::ObjectStore;
use super::calls::retried;
use super::keys::Keys;
use super::objects::{ObjectError, Objects};
use super::state::State;

/// The most bytes of a key.
const KEY: usize = 1_024;

/// The place of a finished object.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) objects: Arc<dyn Objects>,
    pub(super) key: Arc<str>,
    /// The bucket, if it is another one than that of the store.
    pub(super) bucket: Option<Arc<str>>,
}

impl ObjectStore {
    /// Allows gates and `pre-create` hooks to choose another bucket for an object.
    #[must_use]
    pub(crate) fn bucket(mut self, name: &str, objects: Arc<dyn Objects>) -> Self {
        Arc::make_mut(&mut self.buckets).insert(name.into(), objects);
        self
    }

    /// Returns a bucket: that of the store unless it is named.
    pub(super) fn objects_in(&self, bucket: Option<&str>) -> Result<&Arc<dyn Objects>, Error> {
        let Some(name) = bucket else {
            return Ok(&self.objects);
        };
        let unknown = || Error::internal(Invalid::Bucket(name.to_owned()));
        self.buckets.get(name).ok_or_else(unknown)
    }

    /// Returns where the object of an upload is.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if it is in a bucket that is not configured any more.
    pub(super) fn place(&self, keys: &Keys, state: &State) -> Result<Place, Error> {
        let objects = self.objects_in(state.bucket.as_deref())?;
        Ok(Place {
            objects: Arc::clone(objects),
            key: state.key.as_deref().unwrap_or(keys.data()).into(),
            bucket: state.bucket.as_deref().map(Into::into),
        })
    }

    /// Notes in the state of a new upload where a gate wants its object.
    pub(super) fn choose_place(&self, new: &NewUpload, state: &mut State) -> Result<(), Error> {
        let asked = &new.object;
        state.key = match chosen_key(new).map_err(Error::internal)? {
            Some(key) if key == self.keys(&new.id).data() => None,
            key => key.map(str::to_owned),
        };
        let own = self.objects.storage().bucket();
        let is_other = |name: &&String| *name != own;
        state.bucket = asked.bucket.as_ref().filter(is_other).cloned();
        self.objects_in(state.bucket.as_deref()).map(drop)
    }

    /// Fails if another object or upload has this place, which a gate has chosen.
    pub(super) async fn check_place(&self, place: &Place, own: &Keys) -> Result<(), Error> {
        check_absent(&*place.objects, &place.key).await?;
        if place.bucket.is_some() || *place.key == *own.data() {
            return Ok(());
        }
        // An upload that has no object yet.
        check_absent(&*self.objects, &Keys::info_of(&place.key)).await
    }
}

/// Fails if there is an object.
pub(super) async fn check_absent(objects: &dyn Objects, key: &str) -> Result<(), Error> {
    match retried(|| objects.head(key)).await {
        Ok(_) => Err(Error::UploadExists),
        Err(ObjectError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Returns the key that a gate has chosen. A path of a file is taken for one, too.
fn chosen_key(new: &NewUpload) -> Result<Option<&str>, Invalid> {
    let path = new.storage_path.as_deref().filter(|path| !path.is_empty());
    let key = match (&new.object.key, path) {
        (Some(key), Some(path)) if key != path => {
            return Err(Invalid::Keys(key.clone(), path.to_owned()));
        }
        (Some(key), _) => Some(key.as_str()),
        (None, path) => path,
    };
    match key.filter(|key| !is_key(key)) {
        Some(key) => Err(Invalid::Key(key.to_owned())),
        None => Ok(key),
    }
}

/// Whether every store takes this key, and no upload can have it for something else.
fn is_key(key: &str) -> bool {
    let mut segments = key.split('/');
    key.len() <= KEY
        && segments.all(|segment| !matches!(segment, "" | "." | ".."))
        && !key.contains(char::is_control)
        && !Keys::is_beside(key)
}

/// What a gate asks for and cannot get.
#[derive(Debug)]
enum Invalid {
    Bucket(String),
    Key(String),
    Keys(String, String),
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket(name) => write!(
                f,
                "the bucket {name:?} is not one of those that are allowed for objects"
            ),
            Self::Key(key) => write!(
                f,
                "an object cannot have the key {key:?}: it has at most {KEY} bytes, no \
                 control characters, no segment that is empty, \".\" or \"..\", and does not \
                 end in .info or .part"
            ),
            Self::Keys(key, path) => write!(
                f,
                "an object cannot have both the key {key:?} and the storage path {path:?}"
            ),
        }
    }
}

impl std::error::Error for Invalid {}

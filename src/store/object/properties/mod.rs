//! The properties of finished objects.
//!
//! They are found once, when an upload is created, and kept in its state. So each
//! attempt to make the object gives it the same ones, on any server and after any crash.
//!
//! A source replaces what the ones before it say: the settings of the store, the
//! metadata of the upload, and what a gate asks for.

mod encoded;
mod limits;

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use tower_tus_layers::protocol::{Error, Metadata, NewObject, NewUpload};

use self::encoded::{encoded, is_plain};
use super::ObjectStore;
use super::objects::{Properties, Rules};
use super::state::State;

/// The metadata that carries the nonce of an upload. Azure would not take a hyphen, and
/// some proxies no underscore.
pub(super) const MARK: &str = "towertus";

/// The longest media type in use, and more.
const TYPE: usize = 256;

/// What the objects of a store have.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// The properties of all objects.
    properties: Properties,
    /// The pairs of an upload's metadata that its object has as well.
    metadata_keys: Vec<String>,
}

/// Properties of finished objects. A gate or a `pre-create` hook can replace them for one
/// upload, by [`NewUpload::object`].
///
/// The `Content-Type` is the `filetype` of the upload's metadata if that is a media type,
/// as in tusd. An object without one gets the default of its store.
impl ObjectStore {
    /// Sets the `Cache-Control` of objects; none by default.
    #[must_use]
    pub fn cache_control(mut self, value: impl Into<String>) -> Self {
        self.settings.properties.cache_control = Some(value.into());
        self
    }

    /// Sets the `Content-Disposition` of objects; none by default. With `attachment`,
    /// browsers do not display what clients have uploaded.
    #[must_use]
    pub fn content_disposition(mut self, value: impl Into<String>) -> Self {
        self.settings.properties.content_disposition = Some(value.into());
        self
    }

    /// Sets the storage class of objects, or Azure's access tier; by default that of the
    /// bucket.
    #[must_use]
    pub fn storage_class(mut self, class: impl Into<String>) -> Self {
        self.settings.properties.storage_class = Some(class.into());
        self
    }

    /// Adds a tag to objects. Google Cloud Storage has none.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let tags = &mut self.settings.properties.tags;
        tags.insert(key.into(), value.into());
        self
    }

    /// Copies these pairs of the metadata of uploads to their objects, where they are
    /// headers of downloads such as `x-amz-meta-filename`; none by default. A value that
    /// is not ASCII is written as RFC 2047 says, like S3 itself does.
    ///
    /// An upload with more of them than an object can have, 2 KiB in S3, is refused with
    /// `431 ERR_METADATA_TOO_LARGE`.
    #[must_use]
    pub fn metadata_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.settings.metadata_keys = keys.into_iter().map(Into::into).collect();
        self
    }

    /// Checks whether objects can have the properties that are set. Otherwise each
    /// creation fails.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] names the property in its source.
    pub fn check_properties(&self) -> Result<(), Error> {
        self.settings.check(self.objects.rules())
    }
}

impl Settings {
    fn check(&self, rules: &Rules) -> Result<(), Error> {
        limits::check(&self.properties, rules).map_err(Error::internal)?;
        for key in &self.metadata_keys {
            limits::check_name(&key.to_ascii_lowercase()).map_err(Error::internal)?;
        }
        Ok(())
    }

    /// Returns the properties of a new upload's object.
    pub(super) fn properties(&self, rules: &Rules, new: &NewUpload) -> Result<Properties, Error> {
        self.check(rules)?;
        let mut properties = self.properties.clone();
        properties.content_type = content_type(&new.metadata);
        replace(&mut properties, &new.object);
        limits::check(&properties, rules)
            .and_then(|()| limits::check_size(&properties, rules))
            .map_err(Error::internal)?;
        self.add(&mut properties, &new.metadata);
        // The rest comes from the client.
        limits::check_size(&properties, rules).map_err(|_| Error::MetadataTooLarge)?;
        Ok(properties)
    }

    /// Adds pairs of the upload's metadata.
    fn add(&self, properties: &mut Properties, metadata: &Metadata) {
        for key in &self.metadata_keys {
            let value = metadata.get(key).unwrap_or_default();
            let value = encoded(&String::from_utf8_lossy(value));
            if !value.is_empty() {
                let pairs = &mut properties.metadata;
                pairs.entry(key.to_ascii_lowercase()).or_insert(value);
            }
        }
    }
}

/// Returns the properties of the object that carries this mark.
pub(super) fn marked(state: &State, mark: String) -> Properties {
    let mut properties = state.properties.clone();
    properties.metadata.insert(MARK.to_owned(), mark);
    properties
}

/// Returns the headers that the settings or a gate have chosen for the object, and not the
/// client.
pub(super) fn chosen(properties: &Properties, metadata: &Metadata) -> HeaderMap {
    let named = content_type(metadata);
    let chosen = [
        (CONTENT_TYPE, &properties.content_type, named.as_deref()),
        (CONTENT_DISPOSITION, &properties.content_disposition, None),
    ];
    let chosen = chosen.into_iter().filter_map(|(name, value, named)| {
        let value = value.as_deref().filter(|value| Some(*value) != named)?;
        Some((name, HeaderValue::try_from(value).ok()?))
    });
    chosen.collect()
}

/// Returns the media type in the metadata, if it is valid: an object store could refuse
/// the object for another one.
// CRE-06
fn content_type(metadata: &Metadata) -> Option<String> {
    let text = metadata.get_str("filetype")?;
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let (kind, subtype) = essence.split_once('/')?;
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.parse::<HeaderName>().is_ok()
    };
    let is_type = is_plain(text) && text.len() <= TYPE && is_name(kind) && is_name(subtype);
    is_type.then(|| text.to_owned())
}

/// Replaces what a gate asks for.
fn replace(properties: &mut Properties, asked: &NewObject) {
    let asked_or = |asked: &Option<String>, other: Option<String>| asked.clone().or(other);
    *properties = Properties {
        content_type: asked_or(&asked.content_type, properties.content_type.take()),
        content_disposition: asked_or(
            &asked.content_disposition,
            properties.content_disposition.take(),
        ),
        cache_control: asked_or(&asked.cache_control, properties.cache_control.take()),
        storage_class: asked_or(&asked.storage_class, properties.storage_class.take()),
        ..std::mem::take(properties)
    };
    properties.tags.extend(asked.tags.clone());
    let pairs = asked.metadata.iter();
    let pairs = pairs.map(|(name, value)| (name.to_ascii_lowercase(), encoded(value)));
    properties.metadata.extend(pairs);
}

use std::ops::Range;

use crate::store::object::objects::{
    MultipartId, Objects, PartNumber, Payload, Properties, Result, Tag, When,
};

/// A call that changes something. It can be made later, and more than once.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Put {
        key: String,
        payload: Payload,
        when: Condition,
        properties: Properties,
    },
    Delete {
        key: String,
    },
    Begin {
        key: String,
        properties: Properties,
    },
    PutPart {
        key: String,
        multipart: MultipartId,
        number: PartNumber,
        payload: Payload,
    },
    CopyPart {
        key: String,
        multipart: MultipartId,
        number: PartNumber,
        source: String,
        range: Range<u64>,
    },
    Complete {
        key: String,
        multipart: MultipartId,
        parts: Vec<(PartNumber, Tag)>,
        when: Condition,
    },
    Abort {
        key: String,
        multipart: MultipartId,
    },
}

impl Write {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Put { .. } => "put",
            Self::Delete { .. } => "delete",
            Self::Begin { .. } => "begin",
            Self::PutPart { .. } => "put_part",
            Self::CopyPart { .. } => "copy_part",
            Self::Complete { .. } => "complete",
            Self::Abort { .. } => "abort",
        }
    }

    pub(super) fn key(&self) -> &str {
        match self {
            Self::Put { key, .. }
            | Self::Delete { key }
            | Self::Begin { key, .. }
            | Self::PutPart { key, .. }
            | Self::CopyPart { key, .. }
            | Self::Complete { key, .. }
            | Self::Abort { key, .. } => key,
        }
    }

    /// Makes the call. The answer is the text of a tag or of an id, or empty.
    pub(super) async fn send(self, objects: &dyn Objects) -> Result<String> {
        let tag = match self {
            Self::Put {
                key,
                payload,
                when,
                properties,
            } => {
                objects
                    .put(&key, payload, when.borrow(), &properties)
                    .await?
            }
            Self::PutPart {
                key,
                multipart,
                number,
                payload,
            } => objects.put_part(&key, &multipart, number, payload).await?,
            Self::CopyPart {
                key,
                multipart,
                number,
                source,
                range,
            } => {
                objects
                    .copy_part(&key, &multipart, number, &source, range)
                    .await?
            }
            Self::Complete {
                key,
                multipart,
                parts,
                when,
            } => {
                objects
                    .complete(&key, &multipart, &parts, when.borrow())
                    .await?
            }
            Self::Begin { key, properties } => {
                let MultipartId(id) = objects.begin(&key, &properties).await?;
                return Ok(id);
            }
            Self::Delete { key } => {
                objects.delete(&key).await?;
                return Ok(String::new());
            }
            Self::Abort { key, multipart } => {
                objects.abort(&key, &multipart).await?;
                return Ok(String::new());
            }
        };
        Ok(tag.0)
    }
}

/// A [`When`] that outlives the call.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    Always,
    Absent,
    Match(Tag),
}

impl From<When<'_>> for Condition {
    fn from(when: When<'_>) -> Self {
        match when {
            When::Always => Self::Always,
            When::Absent => Self::Absent,
            When::Match(tag) => Self::Match(tag.clone()),
        }
    }
}

impl Condition {
    const fn borrow(&self) -> When<'_> {
        match self {
            Self::Always => When::Always,
            Self::Absent => When::Absent,
            Self::Match(tag) => When::Match(tag),
        }
    }
}

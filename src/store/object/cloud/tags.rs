use object_store::{PutMode, UpdateVersion};

use crate::store::object::objects::{ObjectError, Result, Tag, When};

/// What tells the states of an object apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagsAre {
    ETags,
    Generations,
}

impl TagsAre {
    pub(super) fn tag(self, etag: Option<String>, generation: Option<String>) -> Result<Tag> {
        let tag = match self {
            Self::ETags => etag,
            Self::Generations => generation,
        };
        tag.map(Tag).ok_or_else(|| {
            ObjectError::Unknown("the answer does not name the state of the object".into())
        })
    }

    pub(super) fn mode(self, when: When<'_>) -> PutMode {
        let Tag(tag) = match when {
            When::Always => return PutMode::Overwrite,
            When::Absent => return PutMode::Create,
            When::Match(tag) => tag.clone(),
        };
        PutMode::Update(match self {
            Self::ETags => UpdateVersion {
                e_tag: Some(tag),
                version: None,
            },
            Self::Generations => UpdateVersion {
                e_tag: None,
                version: Some(tag),
            },
        })
    }
}

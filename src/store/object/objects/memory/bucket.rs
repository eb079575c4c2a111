//! The rules.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};

use crate::store::object::objects::{
    Found, Listed, Listing, Multipart, MultipartId, Multiparts, Object, ObjectError, Part,
    PartNumber, Parts, Properties, Result, Rules, Tag, When,
};

#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) objects: BTreeMap<String, Stored>,
    /// By their ids.
    pub(super) begun: BTreeMap<String, Begun>,
    /// The keys and tags of multipart uploads that were completed, by their ids.
    completed: BTreeMap<String, (String, Tag)>,
    /// How many ids and tags were drawn.
    count: u64,
    /// All bytes that were ever written, with the numbers in their tags. To hash them
    /// would take most of the time of the tests.
    contents: BTreeMap<Bytes, usize>,
    /// Whether tags tell writes from each other, and not bytes.
    pub(super) tags_each_write: bool,
    /// Whether a multipart upload that was completed is not known any more.
    pub(super) forgets_completed: bool,
}

#[derive(Debug)]
pub(super) struct Stored {
    pub(super) bytes: Bytes,
    tag: Tag,
    pub(super) modified: SystemTime,
    pub(super) properties: Properties,
}

#[derive(Debug)]
pub(super) struct Begun {
    pub(super) key: String,
    at: SystemTime,
    parts: BTreeMap<PartNumber, (Bytes, Tag, SystemTime)>,
    properties: Properties,
}

impl Bucket {
    pub(super) fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Object> {
        let stored = self.objects.get(key).ok_or(ObjectError::NotFound)?;
        let bytes = match range {
            Some(range) => slice(&stored.bytes, range)?,
            None => stored.bytes.clone(),
        };
        let found = Found {
            tag: stored.tag.clone(),
            size: stored.bytes.len() as u64,
            modified: Some(stored.modified),
            metadata: stored.properties.metadata.clone(),
        };
        Ok(Object { found, bytes })
    }

    pub(super) fn check(&self, key: &str, when: When<'_>) -> Result<()> {
        let stored = self.objects.get(key).map(|stored| &stored.tag);
        match when {
            When::Absent if stored.is_some() => Err(ObjectError::Refused),
            When::Match(tag) if stored != Some(tag) => Err(ObjectError::Refused),
            When::Always | When::Absent | When::Match(_) => Ok(()),
        }
    }

    pub(super) fn insert(
        &mut self,
        key: &str,
        bytes: Bytes,
        tag: Option<Tag>,
        properties: Properties,
    ) -> Tag {
        let tag = tag.unwrap_or_else(|| self.tag(&bytes));
        let stored = Stored {
            bytes,
            tag: tag.clone(),
            modified: SystemTime::now(),
            properties,
        };
        self.objects.insert(key.to_owned(), stored);
        tag
    }

    pub(super) fn list(&self, prefix: &str, after: Option<&str>, page: usize) -> Listing {
        let mut found = self.objects.iter().filter(|(key, _)| {
            key.starts_with(prefix) && after.is_none_or(|after| &***key > after)
        });
        let objects = found.by_ref().take(page).map(|(key, stored)| Listed {
            key: key.clone(),
            size: stored.bytes.len() as u64,
            modified: Some(stored.modified),
        });
        Listing {
            objects: objects.collect(),
            is_truncated: found.next().is_some(),
        }
    }

    pub(super) fn begin(&mut self, key: &str, properties: &Properties) -> Result<MultipartId> {
        self.count += 1;
        let id = format!("multipart-{:08}", self.count);
        let begun = Begun {
            key: key.to_owned(),
            at: SystemTime::now(),
            parts: BTreeMap::new(),
            properties: properties.clone(),
        };
        self.begun.insert(id.clone(), begun);
        Ok(MultipartId(id))
    }

    pub(super) fn multipart(&mut self, key: &str, id: &MultipartId) -> Result<&mut Begun> {
        let begun = self.begun.get_mut(&id.0);
        begun
            .filter(|begun| begun.key == key)
            .ok_or(ObjectError::NotFound)
    }

    pub(super) fn put_part(
        &mut self,
        rules: &Rules,
        key: &str,
        id: &MultipartId,
        number: PartNumber,
        bytes: Bytes,
    ) -> Result<Tag> {
        if !(1..=rules.max_parts).contains(&number) {
            return Err(invalid("there is no such part number"));
        }
        if bytes.len() as u64 > rules.max_part {
            return Err(invalid("the part is too large"));
        }
        let tag = self.tag(&bytes);
        let begun = self.multipart(key, id)?;
        let part = (bytes, tag.clone(), SystemTime::now());
        begun.parts.insert(number, part);
        Ok(tag)
    }

    pub(super) fn copied(&self, rules: &Rules, source: &str, range: Range<u64>) -> Result<Bytes> {
        if !rules.copies_parts {
            return Err(invalid("parts cannot be copied"));
        }
        let object = self.get(source, Some(range))?;
        match object.found.size <= rules.min_part {
            true => Err(invalid("ranges of small objects cannot be copied")),
            false => Ok(object.bytes),
        }
    }

    pub(super) fn complete(
        &mut self,
        rules: &Rules,
        key: &str,
        id: &MultipartId,
        parts: &[(PartNumber, Tag)],
        when: When<'_>,
    ) -> Result<Tag> {
        if let Some(tag) = self.completed_before(key, id) {
            return Ok(tag);
        }
        let begun = self.multipart(key, id)?;
        let bytes = begun.joined(rules, parts)?;
        if rules.conditional_complete {
            self.check(key, when)?;
        }
        let tag = Tag(format!("{}-{}", self.tag(&bytes).0, parts.len()));
        if let Some(begun) = self.begun.remove(&id.0) {
            self.insert(key, bytes, Some(tag.clone()), begun.properties);
        }
        self.completed
            .insert(id.0.clone(), (key.to_owned(), tag.clone()));
        Ok(tag)
    }

    /// A repeated request succeeds while the object is the one that it has made.
    fn completed_before(&self, key: &str, id: &MultipartId) -> Option<Tag> {
        let (completed, tag) = self.completed.get(&id.0)?;
        let is_there = self.objects.get(key).map(|stored| &stored.tag) == Some(tag);
        (completed == key && is_there && !self.forgets_completed).then(|| tag.clone())
    }

    /// Returns the tag of these bytes, or of this write of them.
    fn tag(&mut self, bytes: &Bytes) -> Tag {
        if self.tags_each_write {
            self.count += 1;
            return Tag(format!("\"write-{:08}\"", self.count));
        }
        let next = self.contents.len();
        let number = self.contents.entry(bytes.clone()).or_insert(next);
        Tag(format!("\"bytes-{number:08}\""))
    }

    pub(super) fn parts(
        &mut self,
        key: &str,
        id: &MultipartId,
        after: PartNumber,
        page: usize,
    ) -> Result<Parts> {
        let begun = self.multipart(key, id)?;
        let mut found = begun.parts.range(after.saturating_add(1)..);
        let parts = found
            .by_ref()
            .take(page)
            .map(|(number, (bytes, tag, modified))| Part {
                number: *number,
                size: bytes.len() as u64,
                tag: tag.clone(),
                modified: Some(*modified),
            });
        Ok(Parts {
            parts: parts.collect(),
            is_truncated: found.next().is_some(),
        })
    }

    pub(super) fn multiparts(
        &self,
        prefix: &str,
        after: Option<&Multipart>,
        page: usize,
    ) -> Multiparts {
        let begun = self.begun.iter().map(|(id, begun)| Multipart {
            key: begun.key.clone(),
            id: MultipartId(id.clone()),
            begun: Some(begun.at),
        });
        let mut found: Vec<_> = begun.filter(|it| it.key.starts_with(prefix)).collect();
        found.sort_by(|one, other| order(one).cmp(&order(other)));
        found.retain(|it| after.is_none_or(|after| is_behind(it, after)));
        let is_truncated = found.len() > page;
        found.truncate(page);
        Multiparts {
            multiparts: found,
            is_truncated,
        }
    }
}

impl Begun {
    /// Returns the bytes of these parts, if they may be an object.
    fn joined(&self, rules: &Rules, parts: &[(PartNumber, Tag)]) -> Result<Bytes> {
        let (mut bytes, mut before) = (BytesMut::new(), 0);
        let mut sizes = Vec::with_capacity(parts.len());
        for (number, tag) in parts {
            if *number <= before || !rules.gaps && *number != before + 1 {
                return Err(invalid("the part numbers are in the wrong order"));
            }
            before = *number;
            match self.parts.get(number) {
                Some((part, sent, _)) if sent == tag => {
                    bytes.extend_from_slice(part);
                    sizes.push(part.len() as u64);
                }
                _ => return Err(invalid("a part is missing, or another one")),
            }
        }
        let Some((_last, others)) = sizes.split_last() else {
            return Err(invalid("there are no parts"));
        };
        if others.iter().any(|size| *size < rules.min_part) {
            return Err(invalid("a part is too small"));
        }
        if rules.equal_parts && sizes.iter().any(|size| *size > sizes[0]) {
            return Err(invalid("the parts have different sizes"));
        }
        if rules.equal_parts && others.iter().any(|size| *size != sizes[0]) {
            return Err(invalid("the parts have different sizes"));
        }
        if bytes.len() as u64 > rules.max_object {
            return Err(invalid("the object is too large"));
        }
        Ok(bytes.freeze())
    }
}

fn is_behind(multipart: &Multipart, mark: &Multipart) -> bool {
    match mark.id.0.is_empty() {
        true => multipart.key > mark.key,
        false => order(multipart) > order(mark),
    }
}

fn order(multipart: &Multipart) -> (&str, &str) {
    (&multipart.key, &multipart.id.0)
}

fn slice(bytes: &Bytes, range: Range<u64>) -> Result<Bytes> {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let (start, end) = (index(range.start), index(range.end));
    match start < end && end <= bytes.len() {
        true => Ok(bytes.slice(start..end)),
        false => Err(invalid("the range is not within the object")),
    }
}

fn invalid(why: &str) -> ObjectError {
    ObjectError::Invalid(why.into())
}

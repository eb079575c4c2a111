/// What a kind of object store can do, and its limits. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The minimum size of each part but the last one.
    pub(crate) min_part: u64,
    pub(crate) max_part: u64,
    /// The greatest number of a part, and the maximum number of parts.
    pub(crate) max_parts: u32,
    pub(crate) max_object: u64,
    /// Whether all parts but the last one must have the same size.
    pub(crate) equal_parts: bool,
    /// Whether an object may consist of parts whose numbers are not consecutive.
    pub(crate) gaps: bool,
    /// Whether [`complete`](super::Objects::complete) checks its condition.
    pub(crate) conditional_complete: bool,
    pub(crate) copies_parts: bool,
    /// The most bytes of the names and the values of an object's metadata.
    pub(crate) max_metadata: usize,
    pub(crate) max_tags: usize,
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl Rules {
    pub(crate) const S3: Self = Self {
        min_part: 5 * MIB,
        max_part: 5 * GIB,
        max_parts: 10_000,
        max_object: 5 << 40,
        equal_parts: false,
        gaps: true,
        conditional_complete: true,
        copies_parts: true,
        max_metadata: 2 << 10,
        max_tags: 10,
    };
}

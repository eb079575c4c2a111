/// The kinds of calls to an object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    Head,
    Put,
    Delete,
    List,
    Begin,
    PutPart,
    CopyPart,
    Complete,
    Abort,
    ListParts,
    ListMultiparts,
}

impl Kind {
    /// Returns its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::Put => "put",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Begin => "create_multipart_upload",
            Self::PutPart => "upload_part",
            Self::CopyPart => "upload_part_copy",
            Self::Complete => "complete_multipart_upload",
            Self::Abort => "abort_multipart_upload",
            Self::ListParts => "list_parts",
            Self::ListMultiparts => "list_multipart_uploads",
        }
    }
}

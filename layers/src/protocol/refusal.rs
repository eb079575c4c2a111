use super::Error;

/// What a layer outside Version has against a request: a request extension
/// with which Version refuses, before anything inside sees the request.
///
/// Layers out there do not refuse by themselves, since Version alone stamps and
/// writes out what is refused. Where there is no Version the mark has no effect.
#[derive(Clone, Debug)]
pub struct Refusal(pub Error);

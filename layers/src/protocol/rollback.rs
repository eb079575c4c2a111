/// The mark of a DELETE that is no client's: a request extension of a layer that
/// takes back an upload which it has made itself.
///
/// The core ends the upload without asking any gate, and also where clients
/// may end none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollback;

/// Beside [`Rollback`]: an upload that is finished stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnlessFinished;

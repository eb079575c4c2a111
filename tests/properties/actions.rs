//! What a case consists of: the form of the servers, and actions one after another.
//!
//! Actions are data without any reference to a running server, so that a failing
//! case can be repeated and shortened. Uploads are named by their age.

use std::fmt;

use crate::harness::tus::Version;

/// A sequence of actions, and the servers that it runs against.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) form: Form,
    pub(crate) actions: Vec<Action>,
}

/// One action a line.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.form)?;
        let mut actions = self.actions.iter();
        actions.try_for_each(|action| writeln!(f, "{action:?}"))
    }
}

/// The form of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) ground: Ground,
    /// The number of servers on the same uploads.
    pub(crate) servers: usize,
    pub(crate) judges: Judges,
    pub(crate) finals: Finals,
    pub(crate) durability: Durability,
    pub(crate) expiry: Expiry,
    pub(crate) quota: Quota,
    pub(crate) evicts: Evicts,
}

/// Where uploads are stored, and what serves them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// A stack in this process over a memory store.
    Memory,
    /// Stacks in this process over file stores.
    Files,
    /// Processes `tower-tusd` over one directory.
    Processes,
    /// Processes `tower-tusd` over one bucket.
    Bucket,
}

/// Whether gates or hooks decide about uploads, and name those that ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judges {
    Present,
    Absent,
}

/// Which parts finals may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finals {
    OfFinished,
    OfAny,
}

/// Whether uploads expire, and since when their time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    Never,
    AfterLastActivity,
    AfterCreation,
}

/// Which uploads are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quota {
    Unlimited,
    /// All together.
    Total,
    /// All together, and those of each owner.
    PerOwner,
}

/// Which uploads a full store removes to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evicts {
    Nothing,
    Unfinished,
    /// If there are none, finished ones, too.
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    None,
    Finish,
    Offset,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A request, whose answer is awaited.
    Ask(Via, Ask),
    /// A request whose client disconnects in the middle of the body.
    Cut(Via, Ask, Portion, Ending),
    /// A request that stays open with only a portion of its body sent.
    Hold(Via, Ask, Portion),
    /// Sends the rest of the body of the request that has been open for longest.
    Release,
    /// Two requests for one upload at the same time. The upload of the second one is
    /// that of the first.
    Race([(Via, Ask); 2]),
    /// A clean restart of a server.
    Restart(Server),
    /// `kill -9`, this many microseconds after a request was sent, and a restart.
    Kill(Via, Ask, u16),
    /// Sets the clock to this many days after the start.
    Clock(u8),
    /// Makes all uploads this many days older.
    Age(u8),
    /// Removes what crashes have left, however new it is, beside the servers.
    Sweep,
    /// From now on, gates or hooks rule like this.
    Rule(Moment, Ruling),
}

/// One of the servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server(pub(crate) u8);

/// How a request is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Via {
    pub(crate) server: Server,
    pub(crate) version: Version,
}

/// An upload by its age: 0 is the newest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick(pub(crate) u8);

#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Create(Creation),
    Append(Append),
    Head(Pick),
    Get(Pick, Option<Span>),
    Delete(Pick),
    /// Creates a final upload of these parts.
    Join(Vec<Pick>, Among, Name),
}

impl Ask {
    pub(crate) fn creates(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Join(..))
    }
}

/// Which uploads are picked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Among {
    All,
    Parts,
    FinishedParts,
}

#[derive(Clone, Debug)]
pub(crate) struct Creation {
    pub(crate) length: Size,
    pub(crate) role: Role,
    pub(crate) name: Name,
    pub(crate) first: Option<Chunk>,
}

/// The length that a creation declares.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    Known(u32),
    Deferred,
    /// Both headers, which is an error.
    Both,
    /// None of the headers, which is an error.
    Neither,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Single,
    Partial,
}

/// Who chooses the id of a new upload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    Server,
    /// The client chooses one that was never used.
    New,
    /// The client asks for the id of another upload, which may exist no more.
    Again(Pick),
}

#[derive(Clone, Debug)]
pub(crate) struct Append {
    pub(crate) upload: Pick,
    pub(crate) at: Place,
    pub(crate) chunk: Chunk,
    pub(crate) length: Option<Declared>,
}

/// The offset of a request, relative to where the upload is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Right,
    Before(u8),
    After(u8),
}

/// The length that an append declares.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Declared {
    /// Where the chunk ends.
    End,
    /// So many bytes beyond.
    Beyond(u8),
    /// Less than what is there.
    TooSmall,
}

#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Amount,
    pub(crate) framing: Framing,
    pub(crate) sum: Sum,
    /// In how many pieces it is sent.
    pub(crate) pieces: u8,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    Bytes(u32),
    /// All that is missing.
    Rest,
    /// More than is missing.
    TooMany(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// With `Content-Length`.
    Announced,
    Chunked,
}

/// The checksum of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    Absent,
    Header(Claim),
    Trailer(Claim),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Right,
    Wrong,
    /// Of an algorithm that nobody knows.
    Unknown,
}

/// A range of a download.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Span {
    From(u32),
    /// The first and the last byte.
    Within(u32, u32),
    Last(u32),
}

/// A portion of a body: of 256 parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portion(pub(crate) u8);

impl Portion {
    /// Returns how many bytes of `whole` this is, less than all of them.
    pub(crate) fn of(self, whole: usize) -> usize {
        whole * usize::from(self.0) / 256
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Fin,
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Create,
    Finish,
    Terminate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    Agree,
    Refuse,
    Fail,
}

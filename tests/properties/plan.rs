//! Turns what an action asks for into a request, with the model's knowledge of the
//! uploads.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::actions::{
    Among, Amount, Append, Ask, Chunk, Creation, Declared, Finals, Form, Framing, Ground, Judges,
    Name, Pick, Place, Role, Server, Size, Sum, Via,
};
use crate::harness::tus::Version;
use crate::model::{Conditions, Entry, State, Stored, Whether, is_needed};
use crate::request::{About, Content, Joined, Load, New, NewLength, Owner, Request};

/// A request, and which upload it is for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) subject: Subject,
    pub(crate) request: Request,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// The upload of this entry of the model.
    Known(usize),
    /// A new upload, whose id only its answer tells.
    Unnamed,
}

impl Plan {
    pub(crate) fn head(entry: usize) -> Self {
        Self::of(entry, Request::Head)
    }

    pub(crate) fn unnamed(request: Request) -> Self {
        let subject = Subject::Unnamed;
        Self { subject, request }
    }

    pub(crate) fn of(entry: usize, request: Request) -> Self {
        let subject = Subject::Known(entry);
        Self { subject, request }
    }
}

impl Subject {
    pub(crate) const fn known(self) -> Option<usize> {
        match self {
            Self::Known(entry) => Some(entry),
            Self::Unnamed => None,
        }
    }
}

impl Via {
    pub(crate) const PLAIN: Self = Self {
        server: Server(0),
        version: Version::Http1,
    };

    pub(crate) fn to(server: usize) -> Self {
        Self {
            server: Server(u8::try_from(server).expect("they are few")),
            ..Self::PLAIN
        }
    }
}

impl Request {
    pub(crate) fn load(&self) -> Option<&Load> {
        match self {
            Self::Append { load, .. } => Some(load),
            Self::Create(New {
                content: Content::Sent(_, load),
                ..
            }) => load.as_ref(),
            Self::Create(_) | Self::Head | Self::Get(_) | Self::Delete => None,
        }
    }

    /// Returns whose upload it creates.
    pub(crate) fn owner(&self) -> Option<Owner> {
        match self {
            Self::Create(new) => new.about.owner,
            Self::Append { .. } | Self::Head | Self::Get(_) | Self::Delete => None,
        }
    }

    /// Whether the request ends another one on the same upload.
    pub(crate) fn locks(&self) -> bool {
        matches!(self, Self::Head | Self::Append { .. } | Self::Delete)
    }
}

/// From here on, uploads are large.
const LARGE: u32 = 200_000;

/// Makes requests, no two with the same bytes or names.
pub(crate) struct Planner {
    judges: Judges,
    finals: Finals,
    /// How much larger a large upload is: in a bucket it has several parts.
    scale: u32,
    made: u64,
}

impl Planner {
    pub(crate) fn new(form: Form) -> Self {
        Self {
            judges: form.judges,
            finals: form.finals,
            scale: match form.ground {
                Ground::Memory | Ground::Files | Ground::Processes => 1,
                Ground::Bucket => 20,
            },
            made: 0,
        }
    }

    fn scaled(&self, bytes: u32) -> u32 {
        match bytes < LARGE {
            true => bytes,
            false => bytes * self.scale,
        }
    }

    fn new_length(&self, size: Size) -> NewLength {
        match size {
            Size::Known(length) => NewLength::Known(self.scaled(length).into()),
            Size::Deferred => NewLength::Deferred,
            Size::Both => NewLength::Both,
            Size::Neither => NewLength::Neither,
        }
    }

    /// Returns the entry of an upload, if there is any upload.
    fn pick<T>(pick: Pick, entries: &[T]) -> Option<usize> {
        let age = usize::from(pick.0).checked_rem(entries.len())?;
        Some(entries.len() - 1 - age)
    }

    /// Returns the request, unless there is no upload for it. Adds an entry if the
    /// client chooses a new id.
    pub(crate) fn plan(
        &mut self,
        ask: &Ask,
        entries: &mut Vec<Entry>,
        conditions: &Conditions,
    ) -> Option<Plan> {
        self.made += 1;
        match ask {
            Ask::Create(creation) => Some(self.create(creation, entries)),
            Ask::Join(parts, among, name) => self.join(parts, *among, *name, entries, conditions),
            Ask::Append(append) => {
                let entry = Self::pick(append.upload, entries)?;
                Some(Plan::of(
                    entry,
                    self.append(append, entries[entry].likely()),
                ))
            }
            Ask::Head(upload) => Some(Plan::head(Self::pick(*upload, entries)?)),
            Ask::Get(upload, span) => {
                Some(Plan::of(Self::pick(*upload, entries)?, Request::Get(*span)))
            }
            Ask::Delete(upload) => Some(Plan::of(Self::pick(*upload, entries)?, Request::Delete)),
        }
    }

    /// Returns a request for this upload, whichever the action names.
    pub(crate) fn beside(&mut self, ask: &Ask, entry: usize, entries: &[Entry]) -> Plan {
        self.made += 1;
        let request = match ask {
            // The id can be asked for.
            Ask::Create(creation) if self.judges == Judges::Present => {
                let length = self.new_length(creation.length);
                let id = Some(entries[entry].id.clone());
                self.creation(id, concat(creation.role), Content::Sent(length, None))
            }
            Ask::Append(append) => self.append(append, entries[entry].likely()),
            Ask::Delete(_) => Request::Delete,
            Ask::Create(_) | Ask::Head(_) | Ask::Get(..) | Ask::Join(..) => Request::Head,
        };
        Plan::of(entry, request)
    }

    fn create(&mut self, creation: &Creation, entries: &mut Vec<Entry>) -> Plan {
        let length = self.new_length(creation.length);
        let first = creation.first.as_ref();
        let load = match length {
            NewLength::Known(length) => first.map(|chunk| self.load(chunk, Some(length))),
            NewLength::Deferred => first.map(|chunk| self.load(chunk, None)),
            NewLength::Both | NewLength::Neither => None,
        };
        let content = Content::Sent(length, load);
        self.new_upload(creation.name, concat(creation.role), content, entries)
    }

    fn join(
        &mut self,
        parts: &[Pick],
        among: Among,
        name: Name,
        entries: &mut Vec<Entry>,
        conditions: &Conditions,
    ) -> Option<Plan> {
        let fits = |entry: &Entry| match among {
            Among::All => true,
            Among::Parts => entry.part().is_ok(),
            Among::FinishedParts => entry.part().is_ok_and(Stored::is_finished),
        };
        let all: Vec<_> = (0..entries.len())
            .filter(|entry| fits(&entries[*entry]))
            .collect();
        let parts = parts.iter().map(|part| Self::pick(*part, &all));
        let parts: Vec<_> = parts
            .map(|part| part.map(|part| all[part]))
            .collect::<Option<_>>()?;
        let urls: Vec<_> = parts
            .iter()
            .map(|part| format!("/files/{}", entries[*part].id))
            .collect();
        let concat = Some(format!("final;{}", urls.join(" ")));
        let joined = Content::Joined(self.joined(&parts, entries, conditions)?);
        Some(self.new_upload(name, concat, joined, entries))
    }

    /// Returns what a final consists of, if that is known.
    fn joined(
        &self,
        parts: &[usize],
        entries: &[Entry],
        conditions: &Conditions,
    ) -> Option<Joined> {
        let (mut found, mut refusals) = (Vec::new(), Vec::new());
        for part in parts {
            let conditions = Conditions {
                is_needed: is_needed(*part, entries, conditions),
                ..conditions.clone()
            };
            match entries[*part].has_expired(&conditions) {
                Whether::Perhaps => return None,
                Whether::Yes => {
                    refusals.push(410);
                    continue;
                }
                Whether::No => {}
            }
            match entries[*part].part() {
                // CUF-01
                Ok(stored) if !stored.is_finished() && self.finals == Finals::OfFinished => {
                    refusals.push(400);
                }
                Ok(stored) => found.push((*part, stored)),
                Err(status) => refusals.push(status),
            }
        }
        if !refusals.is_empty() {
            return Some(Joined::Refused(refusals));
        }
        if found.iter().any(|(_, stored)| !stored.is_finished()) {
            let parts = found.into_iter();
            let parts = parts.map(|(part, stored)| (part, stored.about.clone()));
            return Some(Joined::Waits(parts.collect()));
        }
        let bytes: Vec<_> = found.iter().map(|(_, stored)| &stored.bytes[..]).collect();
        Some(Joined::Whole(bytes.concat().into()))
    }

    fn new_upload(
        &mut self,
        name: Name,
        concat: Option<String>,
        content: Content,
        entries: &mut Vec<Entry>,
    ) -> Plan {
        let subject = match name {
            _ if self.judges == Judges::Absent => Subject::Unnamed,
            Name::Server => Subject::Unnamed,
            Name::New => {
                entries.push(Entry::new(format!("n{}", self.made)));
                Subject::Known(entries.len() - 1)
            }
            Name::Again(pick) => Self::pick(pick, entries).map_or(Subject::Unnamed, Subject::Known),
        };
        let id = match subject {
            Subject::Known(entry) => Some(entries[entry].id.clone()),
            Subject::Unnamed => None,
        };
        let request = self.creation(id, concat, content);
        Plan { subject, request }
    }

    /// Chooses another owner for the next upload.
    pub(crate) fn change_owner(&mut self) {
        self.made += 1;
    }

    /// Returns the creation of an upload, under this id if the client chooses it.
    pub(crate) fn creation(
        &self,
        id: Option<String>,
        concat: Option<String>,
        content: Content,
    ) -> Request {
        let mut metadata = format!("empty,filename {}", STANDARD.encode(self.made.to_string()));
        if let Some(id) = &id {
            metadata += &format!(",id {}", STANDARD.encode(id));
        }
        let owner = [None, Some(Owner::Alice), Some(Owner::Bob)][self.made as usize % 3];
        if let Some(owner) = owner {
            metadata += &format!(",owner {}", STANDARD.encode(format!("{owner:?}")));
        }
        let about = Arc::new(About {
            metadata,
            concat,
            owner,
        });
        Request::Create(New { id, about, content })
    }

    fn append(&mut self, append: &Append, state: &State) -> Request {
        let stored = match state {
            State::Absent | State::Pending(_) => None,
            State::Present(stored) => Some(stored),
        };
        let here = stored.map_or(0, Stored::offset);
        let offset = match append.at {
            Place::Right => here,
            Place::Before(bytes) => here.saturating_sub(bytes.into()),
            Place::After(bytes) => here + u64::from(bytes),
        };
        let length = stored.and_then(|stored| stored.length);
        let load = self.load(&append.chunk, length.map(|length| length - here));
        let end = offset + load.bytes.len() as u64;
        let length = append.length.map(|declared| match declared {
            Declared::End => end,
            Declared::Beyond(bytes) => end + u64::from(bytes),
            Declared::TooSmall => here.saturating_sub(1),
        });
        Request::Append {
            offset,
            length,
            load,
        }
    }

    fn load(&mut self, chunk: &Chunk, room: Option<u64>) -> Load {
        let room = room.map(|room| usize::try_from(room).expect("it is small"));
        let bytes = match chunk.bytes {
            Amount::Bytes(bytes) => (self.scaled(bytes) as usize).min(room.unwrap_or(usize::MAX)),
            Amount::Rest => room.unwrap_or(0),
            Amount::TooMany(bytes) => room.unwrap_or(0) + usize::from(bytes),
        };
        // A trailer needs a body of which nobody knows the end.
        let framing = match chunk.sum {
            Sum::Trailer(_) => Framing::Chunked,
            Sum::Absent | Sum::Header(_) => chunk.framing,
        };
        Load {
            bytes: self.bytes(bytes),
            framing,
            sum: chunk.sum,
            pieces: chunk.pieces.into(),
        }
    }

    /// Returns bytes that were never sent before. None is 0: zeros at the end of an
    /// upload that is older than the boot are what a power cut leaves.
    pub(crate) fn bytes(&self, bytes: usize) -> Bytes {
        let mut state = self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let next = || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            ((state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8).max(1)
        };
        std::iter::repeat_with(next).take(bytes).collect()
    }
}

/// Returns the value of `Upload-Concat`.
fn concat(role: Role) -> Option<String> {
    (role == Role::Partial).then(|| "partial".to_owned())
}

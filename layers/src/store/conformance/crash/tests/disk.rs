//! A small store on a disk that can be crashed, sound or with one flaw.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use crate::protocol::{
    Chunk, Concat, Error, FinishState, Interrupt, Length, NewUpload, Offset, ResponseOverride,
    Role, Upload, UploadId,
};
use crate::store::{
    AppendError, AppendOptions, Appended, Concatenator, Content, Handle, Reader, Store, Terminator,
};

/// What a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Sound,
    /// Nothing is synced but the bytes.
    ForgetsAll,
    /// Creations are not synced.
    ForgetsUploads,
    /// Offsets are not synced.
    ForgetsOffsets,
    /// Declared lengths are not synced.
    ForgetsLengths,
    /// The record of a finish is not synced.
    ForgetsFinishes,
    /// The answer to a finish is written after the record of it.
    RecordsAnswersLate,
    /// Terminations are not synced.
    ForgetsTerminations,
    /// Bytes are not synced. Those that are lost are missed only as long as the
    /// upload is not finished.
    LosesFinishedBytes,
    /// Offsets are written before their bytes are synced.
    ShowsZeros,
    /// Atomic chunks count piece by piece.
    TearsAtomicChunks,
    /// Bytes that a crash left behind the offset are not discarded.
    KeepsLeftovers,
    /// Bytes that a crash left behind the offset make appends fail.
    TripsOverLeftovers,
    /// Half a creation takes the id for ever.
    SticksIds,
    /// Finals exist before they have their bytes.
    TearsFinals,
    /// Creations that find half of an earlier one are not synced.
    TakesOverUnsynced,
    /// Half a termination leaves an upload that cannot be opened.
    LeavesRuins,
}

#[derive(Clone, Debug, Default)]
struct File {
    /// `None` until the upload exists.
    upload: Option<Upload>,
    /// Those behind the offset do not count.
    bytes: Vec<u8>,
    answer: Option<ResponseOverride>,
}

type Files = BTreeMap<UploadId, File>;

#[derive(Debug)]
struct State {
    written: Files,
    synced: Files,
    changes_left: u64,
    has_stopped: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Disk {
    state: Arc<Mutex<State>>,
    flaw: Flaw,
}

impl Disk {
    pub(super) fn new(flaw: Flaw) -> Self {
        Self::with(Files::new(), flaw)
    }

    fn with(files: Files, flaw: Flaw) -> Self {
        let state = State {
            written: files.clone(),
            synced: files,
            changes_left: u64::MAX,
            has_stopped: false,
        };
        let state = Arc::new(Mutex::new(state));
        Self { state, flaw }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn stop_after(&self, changes: u64) {
        self.state().changes_left = changes;
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.state().has_stopped
    }

    /// Returns what a killed process leaves.
    pub(super) fn kill(&self) -> Self {
        Self::with(self.state().written.clone(), self.flaw)
    }

    /// Returns what a power cut may leave.
    pub(super) fn cut(&self) -> Vec<(String, Self)> {
        let state = self.state();
        let mut zeros = state.written.clone();
        for (id, file) in &mut zeros {
            let synced = state.synced.get(id).map_or(&[][..], |file| &file.bytes);
            for (at, byte) in file.bytes.iter_mut().enumerate() {
                *byte = synced.get(at).copied().unwrap_or(0);
            }
        }
        let states = [
            ("what was synced", state.synced.clone()),
            ("what was written", state.written.clone()),
            ("sizes without bytes", zeros),
        ];
        states
            .map(|(name, files)| (name.to_owned(), Self::with(files, self.flaw)))
            .into()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        let mut state = self.state();
        match state.changes_left.checked_sub(1) {
            Some(left) if !state.has_stopped => {
                state.changes_left = left;
                Ok(change(&mut state))
            }
            _ => {
                state.has_stopped = true;
                Err(Error::internal("the disk has stopped"))
            }
        }
    }

    fn write(&self, id: &UploadId, write: impl FnOnce(&mut File)) -> Result<(), Error> {
        self.change(|state| write(state.written.entry(id.clone()).or_default()))
    }

    /// Syncs a file, unless the store forgets to.
    fn sync(&self, id: &UploadId, unless: Flaw) -> Result<(), Error> {
        let forgets = match self.flaw {
            Flaw::ForgetsAll => unless != Flaw::ShowsZeros,
            Flaw::LosesFinishedBytes => true,
            flaw => flaw == unless,
        };
        if forgets {
            return Ok(());
        }
        self.change(|state| {
            match state.written.get(id) {
                Some(file) => state.synced.insert(id.clone(), file.clone()),
                None => state.synced.remove(id),
            };
        })
    }

    fn file(&self, id: &UploadId) -> Result<File, Error> {
        let mut file = self
            .state()
            .written
            .get(id)
            .cloned()
            .ok_or(Error::NotFound)?;
        let upload = file.upload.as_mut();
        match upload {
            Some(upload) if self.flaw == Flaw::LosesFinishedBytes => {
                let hole = file.bytes.iter().position(|&byte| byte == 0);
                let end = hole.unwrap_or(file.bytes.len()) as u64;
                if !upload.is_finished() {
                    upload.offset = upload.offset.min(Offset::saturating(end));
                }
                Ok(file)
            }
            Some(_) => Ok(file),
            None if self.flaw == Flaw::LeavesRuins => Err(Error::internal("in ruins")),
            None => Err(Error::NotFound),
        }
    }

    fn upload(&self, id: &UploadId) -> Result<Upload, Error> {
        self.file(id)?.upload.ok_or(Error::NotFound)
    }

    fn handle(&self, upload: Upload) -> Box<dyn Handle> {
        let disk = self.clone();
        Box::new(DiskHandle { disk, upload })
    }

    /// Writes a new upload or a final in the order that survives crashes.
    fn publish(&self, mut upload: Upload, bytes: Vec<u8>) -> Result<Upload, Error> {
        let id = upload.id.clone();
        let takes_over = self.state().written.contains_key(&id);
        upload.offset = Offset::saturating(bytes.len() as u64);
        if self.flaw == Flaw::TearsFinals {
            self.write(&id, |file| file.upload = Some(upload.clone()))?;
        }
        self.write(&id, |file| file.bytes = bytes)?;
        self.sync(&id, Flaw::ShowsZeros)?;
        self.write(&id, |file| file.upload = Some(upload.clone()))?;
        match takes_over && self.flaw == Flaw::TakesOverUnsynced {
            true => Ok(upload),
            false => self.sync(&id, Flaw::ForgetsUploads).map(|()| upload),
        }
    }

    fn join(&self, parts: &[UploadId]) -> Result<Vec<u8>, Error> {
        let files = parts.iter().map(|part| self.file(part));
        files
            .map(|file| file.map(|file| file.bytes))
            .collect::<Result<Vec<_>, _>>()
            .map(|it| it.concat())
    }
}

#[async_trait]
impl Store for Disk {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        let is_taken = self
            .state()
            .written
            .get(&new.id)
            .is_some_and(|file| file.upload.is_some() || self.flaw == Flaw::SticksIds);
        if is_taken {
            return Err(Error::UploadExists);
        }
        Ok(self.handle(self.publish(Upload::from(new), Vec::new())?))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        Ok(self.handle(self.upload(id)?))
    }

    fn defers_length(&self) -> bool {
        true
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        Some(self)
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        Some(self)
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }
}

#[async_trait]
impl Terminator for Disk {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        self.upload(id)?;
        if self.flaw == Flaw::LeavesRuins {
            self.write(id, |file| file.upload = None)?;
        }
        self.change(|state| drop(state.written.remove(id)))?;
        self.sync(id, Flaw::ForgetsTerminations)
    }
}

#[async_trait]
impl Concatenator for Disk {
    async fn concatenate(&self, new: NewUpload, _: &Interrupt) -> Result<Box<dyn Handle>, Error> {
        let bytes = self.join(new.concat.as_ref().map_or(&[][..], Concat::parts))?;
        let mut upload = Upload::from(new);
        upload.length = Some(Length::saturating(bytes.len() as u64));
        Ok(self.handle(self.publish(upload, bytes)?))
    }

    async fn assemble(&self, id: &UploadId, _: &Interrupt) -> Result<(), Error> {
        let mut upload = self.upload(id)?;
        let Some(Role::Final { parts, pending }) =
            upload.concat.as_mut().map(|concat| &mut concat.role)
        else {
            return Ok(());
        };
        let bytes = self.join(parts)?;
        *pending = false;
        upload.length = Some(Length::saturating(bytes.len() as u64));
        self.publish(upload, bytes).map(drop)
    }

    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error> {
        let mut upload = self.upload(part)?;
        if let Some(Role::Partial { awaited_by }) =
            upload.concat.as_mut().map(|concat| &mut concat.role)
        {
            awaited_by.push(id.clone());
        }
        self.write(part, |file| file.upload = Some(upload))?;
        self.sync(part, Flaw::Sound)
    }
}

#[async_trait]
impl Reader for Disk {
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error> {
        let file = self.file(id)?;
        let upload = file.upload.ok_or(Error::NotFound)?;
        let bytes = Bytes::from(file.bytes);
        Ok(Box::new(DiskContent { upload, bytes }))
    }
}

#[derive(Debug)]
struct DiskContent {
    upload: Upload,
    bytes: Bytes,
}

#[async_trait]
impl Content for DiskContent {
    fn upload(&self) -> &Upload {
        &self.upload
    }

    fn modified(&self) -> Option<SystemTime> {
        None
    }

    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let index = |at: u64| usize::try_from(at).unwrap();
        let bytes = self.bytes.get(index(range.start)..index(range.end));
        let bytes = bytes.ok_or_else(|| Error::internal("there are fewer bytes"))?;
        Ok(self.bytes.slice_ref(bytes))
    }
}

#[derive(Debug)]
struct DiskHandle {
    disk: Disk,
    upload: Upload,
}

impl DiskHandle {
    fn save(&self, unless: Flaw) -> Result<(), Error> {
        let (id, upload) = (&self.upload.id, self.upload.clone());
        self.disk.write(id, |file| file.upload = Some(upload))?;
        self.disk.sync(id, unless)
    }

    fn discard_leftovers(&self) -> Result<(), Error> {
        let offset = usize::try_from(self.upload.offset.get()).unwrap();
        let id = &self.upload.id;
        let leftovers = self.disk.file(id)?.bytes.len() - offset;
        match self.disk.flaw {
            _ if leftovers == 0 => Ok(()),
            Flaw::KeepsLeftovers => Ok(()),
            Flaw::TripsOverLeftovers => Err(Error::internal("too many bytes")),
            _ => self.disk.change(|state| {
                let file = state.written.entry(id.clone()).or_default();
                file.bytes.truncate(offset);
                file.upload = Some(self.upload.clone());
                // They must not come back where others are appended.
                state.synced.insert(id.clone(), file.clone());
            }),
        }
    }

    /// Lets the bytes that are written count.
    fn advance(&mut self, bytes: u64) -> Result<(), Error> {
        self.disk.sync(&self.upload.id, Flaw::ShowsZeros)?;
        self.upload.offset = self.upload.offset.saturating_add(bytes);
        self.save(Flaw::ForgetsOffsets)
    }

    async fn receive(
        &mut self,
        mut chunk: Chunk<'_>,
        options: AppendOptions,
    ) -> Result<(), AppendError> {
        let is_atomic = options.mode.is_atomic() && self.disk.flaw != Flaw::TearsAtomicChunks;
        self.discard_leftovers().map_err(AppendError::Store)?;
        let mut waiting = 0;
        while let Some(data) = chunk.next_data().await {
            let data = data.map_err(AppendError::Body)?;
            let extend = |file: &mut File| file.bytes.extend_from_slice(&data);
            let written = self.disk.write(&self.upload.id, extend);
            written.map_err(AppendError::Store)?;
            waiting += data.len() as u64;
            if !is_atomic {
                self.advance(waiting).map_err(AppendError::Store)?;
                waiting = 0;
            }
        }
        self.advance(waiting).map_err(AppendError::Store)
    }
}

#[async_trait]
impl Handle for DiskHandle {
    fn info(&self) -> &Upload {
        &self.upload
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let received = self.receive(chunk, options).await;
        Appended::new(self.upload.offset, received)
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        self.upload.length = Some(length);
        self.save(Flaw::ForgetsLengths)
    }

    async fn declare_complete(&mut self) -> Result<(), Error> {
        self.upload.declare_complete();
        self.save(Flaw::ForgetsLengths)
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.upload.finishing = Some(finishing);
        self.save(Flaw::ForgetsFinishes)
    }

    async fn record_finished(&mut self, answer: &ResponseOverride) -> Result<(), Error> {
        let id = self.upload.id.clone();
        if self.disk.flaw == Flaw::RecordsAnswersLate {
            self.record(FinishState::Done).await?;
        }
        self.upload.finishing = Some(FinishState::Done);
        let (upload, answer) = (self.upload.clone(), answer.clone());
        self.disk.write(&id, |file| {
            (file.upload, file.answer) = (Some(upload), Some(answer));
        })?;
        self.disk.sync(&id, Flaw::ForgetsFinishes)
    }

    fn answer(&self) -> Option<ResponseOverride> {
        self.disk.file(&self.upload.id).ok()?.answer
    }
}

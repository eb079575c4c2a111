//! H: a tus server that does what tus 1.0 and tusd's directory layout demand, and no more.
//!
//! * POST creates the data file and `.info`, both exclusively, under a random id.
//! * PATCH takes the lock, reads `.info`, looks for a mark of an unfinished chunk, opens the
//!   data file, compares its size with `Upload-Offset`, writes each frame in place, and
//!   releases the lock.
//! * HEAD reads `.info`, and looks for the lock, the mark, and the size.
//!
//! It leaves out: metadata, deferred lengths, checksums, concatenation, termination,
//! downloads, stale locks and requests to release one, clients that disconnect, hooks, and
//! texts of errors.
//!
//! With a durability it makes the syncs of our server, and only when an upload is finished, in
//! one blocking job: the data, the directory, and `.info`, to which it appends the space that
//! records the finish. Without that record, HEAD of a complete upload fails: our server would
//! make up for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::answer::{Response, answer, created, has_chunk, id, number};
use super::info::{Info, SEAL};
use super::lock::Locks;
use crate::Result;
use crate::options::Durability;

#[derive(Debug)]
pub(crate) struct Honest {
    dir: PathBuf,
    durability: Durability,
    locks: Locks,
}

/// The paths of an upload.
struct Paths {
    data: PathBuf,
    info: PathBuf,
    chunk: PathBuf,
    lock: PathBuf,
}

impl Honest {
    pub(crate) fn new(dir: &Path, durability: Durability) -> Result<Self> {
        Ok(Self {
            dir: dir.to_owned(),
            durability,
            locks: Locks::new(dir, &fresh_id()?)?,
        })
    }

    pub(super) async fn answer(&self, request: hyper::Request<Incoming>) -> Result<Response> {
        match *request.method() {
            Method::POST => self.create(request).await,
            Method::PATCH => self.append(request).await,
            _ => self.offset(id(request.uri().path())),
        }
    }

    async fn create(&self, request: hyper::Request<Incoming>) -> Result<Response> {
        let Some(length) = number(request.headers(), "upload-length") else {
            return answer(StatusCode::BAD_REQUEST, []);
        };
        let id = fresh_id()?;
        let paths = self.paths(&id);
        let data = File::create_new(&paths.data)?;
        let document = Info::new(&id, length, &paths.data, &paths.info);
        File::create_new(&paths.info)?.write_all(&serde_json::to_vec(&document)?)?;
        if !has_chunk(request.headers()) {
            return created(&id, None);
        }
        // No one else knows the id: there is nothing to lock.
        let Some((data, offset)) = write(data, 0, length, request.into_body()).await? else {
            return answer(StatusCode::PAYLOAD_TOO_LARGE, []);
        };
        if offset == length {
            self.finish(data, paths).await?;
        }
        created(&id, Some(offset))
    }

    async fn append(&self, request: hyper::Request<Incoming>) -> Result<Response> {
        if !has_chunk(request.headers()) {
            return answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, []);
        }
        let Some(offset) = number(request.headers(), "upload-offset") else {
            return answer(StatusCode::BAD_REQUEST, []);
        };
        let paths = self.paths(id(request.uri().path()));
        let Some(_held) = self.locks.take(paths.lock.clone())? else {
            return answer(StatusCode::LOCKED, []);
        };
        let Some(info) = read(&paths)? else {
            return answer(StatusCode::NOT_FOUND, []);
        };
        if paths.chunk.exists() {
            return answer(StatusCode::INTERNAL_SERVER_ERROR, []);
        }
        let data = OpenOptions::new().write(true).open(&paths.data)?;
        if data.metadata()?.len() != offset {
            return answer(StatusCode::CONFLICT, []);
        }
        let Some((data, end)) = write(data, offset, info.size, request.into_body()).await? else {
            return answer(StatusCode::PAYLOAD_TOO_LARGE, []);
        };
        if end == info.size {
            self.finish(data, paths).await?;
        }
        let offset = ("upload-offset", end.to_string());
        answer(StatusCode::NO_CONTENT, [offset])
    }

    fn offset(&self, id: &str) -> Result<Response> {
        let paths = self.paths(id);
        if paths.lock.exists() {
            return answer(StatusCode::LOCKED, []);
        }
        let Some(info) = read(&paths)? else {
            return answer(StatusCode::NOT_FOUND, []);
        };
        if paths.chunk.exists() {
            return answer(StatusCode::INTERNAL_SERVER_ERROR, []);
        }
        let offset = fs::metadata(&paths.data)?.len();
        if self.syncs() && offset == info.size && !info.is_sealed {
            return answer(StatusCode::INTERNAL_SERVER_ERROR, []);
        }
        let headers = [
            ("upload-offset", offset.to_string()),
            ("upload-length", info.size.to_string()),
            ("cache-control", "no-store".to_owned()),
        ];
        answer(StatusCode::OK, headers)
    }

    fn syncs(&self) -> bool {
        self.durability == Durability::Finish
    }

    /// Syncs a complete upload and records that, off the worker: for nothing else does a
    /// request wait for as long.
    async fn finish(&self, data: File, paths: Paths) -> Result<()> {
        if !self.syncs() {
            return Ok(());
        }
        let dir = self.dir.clone();
        let finish = move || -> io::Result<()> {
            let info = OpenOptions::new().write(true).open(&paths.info)?;
            if paths.chunk.exists() {
                return Err(ErrorKind::Unsupported.into());
            }
            let dir = File::open(dir)?;
            data.sync_data()?;
            dir.sync_all()?;
            info.write_all_at(SEAL, info.metadata()?.len())?;
            info.sync_data()
        };
        Ok(tokio::task::spawn_blocking(finish).await??)
    }

    fn paths(&self, id: &str) -> Paths {
        let path = |suffix| self.dir.join([id, suffix].concat());
        Paths {
            data: path(""),
            info: path(".info"),
            chunk: path(".chunk"),
            lock: path(".lock"),
        }
    }
}

fn fresh_id() -> Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

fn read(paths: &Paths) -> Result<Option<Info>> {
    match fs::read(&paths.info) {
        Ok(json) => Ok(Some(Info::parse(&json)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a body from an offset, and returns its end, or `None` if it is too long.
async fn write(
    file: File,
    mut offset: u64,
    length: u64,
    mut body: Incoming,
) -> Result<Option<(File, u64)>> {
    while let Some(frame) = body.frame().await {
        let data = frame?.into_data().unwrap_or_default();
        let end = offset + data.len() as u64;
        if end > length {
            return Ok(None);
        }
        file.write_all_at(&data, offset)?;
        offset = end;
    }
    Ok(Some((file, offset)))
}

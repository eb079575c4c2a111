//! F: writes what it reads.
//!
//! It leaves out: checks of any kind, the length and all else about an upload, ids that
//! cannot be guessed, locks. With a durability it makes the one `fdatasync` after which a
//! body is on the disk, but neither its directory entry nor any description.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::answer::{Response, answer, created, has_chunk, id, number};
use crate::Result;
use crate::options::Durability;

#[derive(Debug)]
pub(crate) struct Writer {
    dir: PathBuf,
    durability: Durability,
    next: AtomicU64,
}

impl Writer {
    pub(crate) fn new(dir: &Path, durability: Durability) -> Self {
        Self {
            dir: dir.to_owned(),
            durability,
            next: AtomicU64::new(0),
        }
    }

    pub(super) async fn answer(&self, request: hyper::Request<Incoming>) -> Result<Response> {
        match *request.method() {
            Method::POST => self.create(request).await,
            Method::PATCH => self.append(request).await,
            _ => {
                let length = self.dir.join(id(request.uri().path())).metadata()?.len();
                answer(StatusCode::OK, [("upload-offset", length.to_string())])
            }
        }
    }

    async fn create(&self, request: hyper::Request<Incoming>) -> Result<Response> {
        let id = format!("{:032x}", self.next.fetch_add(1, Ordering::Relaxed));
        let file = File::create_new(self.dir.join(&id))?;
        if !has_chunk(request.headers()) {
            return created(&id, None);
        }
        let offset = self.write(file, 0, request.into_body()).await?;
        created(&id, Some(offset))
    }

    async fn append(&self, request: hyper::Request<Incoming>) -> Result<Response> {
        let path = self.dir.join(id(request.uri().path()));
        let file = OpenOptions::new().write(true).open(path)?;
        let offset = number(request.headers(), "upload-offset").unwrap_or_default();
        let offset = self.write(file, offset, request.into_body()).await?;
        let offset = ("upload-offset", offset.to_string());
        answer(StatusCode::NO_CONTENT, [offset])
    }

    async fn write(&self, file: File, mut offset: u64, mut body: Incoming) -> Result<u64> {
        while let Some(frame) = body.frame().await {
            let data = frame?.into_data().unwrap_or_default();
            file.write_all_at(&data, offset)?;
            offset += data.len() as u64;
        }
        if self.durability == Durability::Finish {
            tokio::task::spawn_blocking(move || file.sync_data()).await??;
        }
        Ok(offset)
    }
}

//! A store of our own: each upload a directory, each chunk a file in it.
//!
//! ```text
//! cargo run --example custom_store conformance
//! cargo run --example custom_store
//! ```
//!
//! The upload `a/b` is the directory `data/a/b`, and in it are
//!
//! - `.info`: its length, how far its finishing is recorded, and its metadata;
//! - `<offset>.chunk`: the bytes of one request, from `<offset>` on.
//!
//! No segment of an id ends in `.info` or `.chunk`, so these are never uploads.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;
use tower_tus::TusService;
use tower_tus::layers::protocol::{
    Chunk, Error, FinishState, Metadata, NewUpload, Upload, UploadId,
};
use tower_tus::layers::store::{Appended, Handle, Store, Terminate, WriteMode, conformance};

#[derive(Debug)]
struct Chunks {
    root: PathBuf,
}

impl Chunks {
    fn new(root: &str) -> Self {
        Self { root: root.into() }
    }
}

#[async_trait]
impl Store for Chunks {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        // Below an upload there is no other one.
        let id = new.id.as_str();
        for (slash, _) in id.match_indices('/') {
            let outer = self.root.join(&id[..slash]);
            if fs::try_exists(outer.join(".info")).await.map_err(failed)? {
                return Err(Error::UploadExists);
            }
        }
        let dir = self.root.join(id);
        let parent = dir.parent().expect("it is below the root");
        fs::create_dir_all(parent).await.map_err(failed)?;
        fs::create_dir(&dir)
            .await
            .map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => Error::UploadExists,
                _ => failed(error),
            })?;

        let mut upload = Upload::new(new.id);
        upload.length = new.length;
        upload.metadata = new.metadata;
        upload.finishing = new.finishing;
        let created = Directory { dir, upload };
        if let Err(error) = created.write_info().await {
            // Nothing stays of an upload that cannot be.
            fs::remove_dir_all(&created.dir).await.map_err(failed)?;
            return Err(error);
        }
        Ok(Box::new(created))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let dir = self.root.join(id.as_str());
        let info = fs::read(dir.join(".info")).await.map_err(of_upload)?;
        let mut upload =
            parse_info(id, &info).ok_or_else(|| Error::internal("unreadable .info"))?;
        upload.offset = stored(&dir).await.map_err(of_upload)?;
        Ok(Box::new(Directory { dir, upload }))
    }

    // What a store can do beyond that, it says; this one cannot defer a length.
    fn terminate(&self) -> Option<&dyn Terminate> {
        Some(self)
    }
}

#[async_trait]
impl Terminate for Chunks {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        let dir = self.root.join(id.as_str());
        // Without it there is no upload, whatever happens next.
        fs::remove_file(dir.join(".info"))
            .await
            .map_err(of_upload)?;
        fs::remove_dir_all(dir).await.map_err(failed)
    }
}

/// An upload that is open. The Lock layer sees to it that one request at a time
/// changes it.
#[derive(Debug)]
struct Directory {
    dir: PathBuf,
    upload: Upload,
}

#[async_trait]
impl Handle for Directory {
    fn info(&self) -> &Upload {
        &self.upload
    }

    async fn append(&mut self, chunk: Chunk<'_>, keep: WriteMode) -> Appended {
        let stored = match keep {
            WriteMode::Streaming => self.append_as_it_arrives(chunk).await,
            WriteMode::Atomic => self.append_whole(chunk).await,
        };
        Appended {
            offset: self.upload.offset,
            error: stored.err(),
        }
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.upload.finishing = Some(finishing);
        self.write_info().await
    }
}

impl Directory {
    /// Where the next chunk is kept.
    fn next_chunk(&self) -> PathBuf {
        self.dir.join(format!("{:020}.chunk", self.upload.offset))
    }

    async fn append_as_it_arrives(&mut self, chunk: Chunk<'_>) -> Result<(), Error> {
        let (bytes, ended) = copy(chunk, self.next_chunk()).await?;
        // Also after an error of the body: what came is kept.
        self.upload.offset += bytes;
        ended
    }

    async fn append_whole(&mut self, chunk: Chunk<'_>) -> Result<(), Error> {
        // Nobody reads this one, so what a killed server has left in it is gone.
        let part = self.dir.join(".part");
        let (bytes, ended) = copy(chunk, part.clone()).await?;
        ended?;
        fs::rename(part, self.next_chunk()).await.map_err(failed)?;
        self.upload.offset += bytes;
        Ok(())
    }

    /// Replaces `.info` as a whole, so that nobody ever reads half of it.
    async fn write_info(&self) -> Result<(), Error> {
        let length = self.upload.length.ok_or(Error::NotImplemented)?;
        let finishing = match self.upload.finishing {
            None => "unrecorded".to_owned(),
            Some(FinishState::Pending { attempts }) => attempts.to_string(),
            Some(FinishState::Done) => "done".to_owned(),
        };
        let mut info = format!("{length}\n{finishing}\n").into_bytes();
        let metadata = self.upload.metadata.raw();
        info.extend_from_slice(metadata.map_or(b"", |raw| raw.as_bytes()));

        let new = self.dir.join(".new");
        fs::write(&new, info).await.map_err(failed)?;
        fs::rename(new, self.dir.join(".info"))
            .await
            .map_err(failed)
    }
}

fn parse_info(id: &UploadId, info: &[u8]) -> Option<Upload> {
    let mut lines = info.splitn(3, |&byte| byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next()?).ok();
    let mut upload = Upload::new(id.clone());
    upload.length = Some(text()?.parse().ok()?);
    upload.finishing = match text()? {
        "unrecorded" => None,
        "done" => Some(FinishState::Done),
        attempts => Some(FinishState::Pending {
            attempts: attempts.parse().ok()?,
        }),
    };
    upload.metadata = Metadata::parse(lines.next()?).ok()?;
    Some(upload)
}

/// How many bytes there are in all chunks.
async fn stored(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let mut files = fs::read_dir(dir).await?;
    while let Some(file) = files.next_entry().await? {
        if file.path().extension() == Some("chunk".as_ref()) {
            bytes += file.metadata().await?.len();
        }
    }
    Ok(bytes)
}

/// Writes what comes to a new file, and tells how much it was and how it ended.
async fn copy(mut chunk: Chunk<'_>, to: PathBuf) -> Result<(u64, Result<(), Error>), Error> {
    let mut file = File::create(to).await.map_err(failed)?;
    let mut ended = Ok(());
    while let Some(frame) = chunk.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => file.write_all(&data).await.map_err(failed)?,
            Ok(Err(_trailers)) => {}
            Err(error) => ended = Err(error),
        }
    }
    // Until then bytes may still be on their way to the file.
    file.flush().await.map_err(failed)?;
    let bytes = file.metadata().await.map_err(failed)?.len();
    Ok((bytes, ended))
}

/// What the client is told of a failure, which is little: the log has the rest.
fn failed(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull => Error::InsufficientStorage(Arc::new(error)),
        _ => Error::internal(error),
    }
}

fn of_upload(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::NotFound,
        _ => failed(error),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    if address == "conformance" {
        // What one store has stored, the next one has to find.
        conformance::run(|| Arc::new(Chunks::new("data/conformance"))).await;
        println!("it does all that a store has to do");
        return Ok(());
    }

    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/files/", listener.local_addr()?);
    let uploads = TusService::new(Chunks::new("data"));
    let app = axum::Router::new().nest_service("/files", uploads);
    axum::serve(listener, app).await?;
    Ok(())
}

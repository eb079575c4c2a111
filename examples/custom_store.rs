//! Implements a store: each upload is a directory, and each chunk a file in it.
//!
//! ```text
//! cargo run --example custom_store conformance
//! cargo run --example custom_store
//! ```
//!
//! The upload `a/b` is the directory `data/a/b`, which contains
//!
//! - `.info`: its length, when it was created, its finish state, and its metadata, each
//!   on a line;
//! - `<offset>.chunk`: the bytes of one request, from `<offset>` on.
//!
//! No segment of an id ends in `.info` or `.chunk`, so these names are never uploads.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;
use tower_tus::layers::store::conformance;
use tower_tus::{
    AppendError, AppendOptions, Appended, Chunk, Error, FinishState, Handle, Metadata, NewUpload,
    Offset, Store, Terminator, TusService, Upload, UploadId, async_trait,
};

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
        // No upload may be inside the directory of another one.
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

        let upload = Upload::from(new);
        let created = Directory { dir, upload };
        if let Err(error) = created.write_info().await {
            // A failed creation leaves nothing behind.
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

    // The other capabilities are absent by default: this store cannot defer a length.
    fn terminator(&self) -> Option<&dyn Terminator> {
        Some(self)
    }
}

#[async_trait]
impl Terminator for Chunks {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        let dir = self.root.join(id.as_str());
        // Without this file the upload does not exist, even if a later step fails.
        fs::remove_file(dir.join(".info"))
            .await
            .map_err(of_upload)?;
        fs::remove_dir_all(dir).await.map_err(failed)
    }
}

/// An open upload. The Lock layer ensures that only one request at a time changes it.
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

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let stored = match options.mode.is_atomic() {
            true => self.append_atomic(chunk).await,
            false => self.append_streaming(chunk).await,
        };
        Appended::new(self.upload.offset, stored)
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.upload.finishing = Some(finishing);
        self.write_info().await
    }
}

impl Directory {
    /// Returns the file of the next chunk.
    fn next_chunk(&self) -> PathBuf {
        self.dir
            .join(format!("{:020}.chunk", self.upload.offset.get()))
    }

    async fn append_streaming(&mut self, chunk: Chunk<'_>) -> Result<(), AppendError> {
        let copied = copy(chunk, self.next_chunk()).await;
        let (bytes, ended) = copied.map_err(AppendError::Store)?;
        // Received bytes are kept, also after an error of the body.
        self.upload.offset = self.upload.offset.saturating_add(bytes);
        ended.map_err(AppendError::Body)
    }

    async fn append_atomic(&mut self, chunk: Chunk<'_>) -> Result<(), AppendError> {
        // This name does not count as a chunk, so the upload stays consistent if the
        // server is killed.
        let part = self.dir.join(".part");
        let copied = copy(chunk, part.clone()).await;
        let (bytes, ended) = copied.map_err(AppendError::Store)?;
        ended.map_err(AppendError::Body)?;
        let renamed = fs::rename(part, self.next_chunk()).await;
        renamed.map_err(AppendError::store)?;
        self.upload.offset = self.upload.offset.saturating_add(bytes);
        Ok(())
    }

    /// Returns when it was created, in seconds since 1970.
    fn created(&self) -> u64 {
        let created = self.upload.created.unwrap_or(SystemTime::UNIX_EPOCH);
        let since = created.duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default().as_secs()
    }

    /// Replaces `.info` as a whole, so that no request reads an incomplete one.
    async fn write_info(&self) -> Result<(), Error> {
        let length = self.upload.length.ok_or(Error::NotImplemented)?;
        let finishing = self.upload.finishing;
        let finishing = finishing.map_or_else(String::new, |state| state.to_string());
        let mut info = format!("{length}\n{}\n{finishing}\n", self.created()).into_bytes();
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
    let mut lines = info.splitn(4, |&byte| byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next()?).ok();
    let mut upload = Upload::new(id.clone());
    upload.length = Some(text()?.parse().ok()?);
    let created = Duration::from_secs(text()?.parse().ok()?);
    upload.created = SystemTime::UNIX_EPOCH.checked_add(created);
    upload.finishing = match text()? {
        "" => None,
        state => Some(state.parse().ok()?),
    };
    upload.metadata = Metadata::parse(lines.next()?).ok()?;
    Some(upload)
}

/// Returns the number of bytes in all chunks.
async fn stored(dir: &Path) -> io::Result<Offset> {
    let mut offset = Offset::ZERO;
    let mut files = fs::read_dir(dir).await?;
    while let Some(file) = files.next_entry().await? {
        if file.path().extension() == Some("chunk".as_ref()) {
            offset = offset.saturating_add(file.metadata().await?.len());
        }
    }
    Ok(offset)
}

/// Writes a chunk to a new file. Returns the number of bytes, and how the chunk ended.
async fn copy(mut chunk: Chunk<'_>, to: PathBuf) -> Result<(u64, Result<(), Error>), Error> {
    let mut file = File::create(to).await.map_err(failed)?;
    let mut ended = Ok(());
    while let Some(data) = chunk.next_data().await {
        match data {
            Ok(data) => file.write_all(&data).await.map_err(failed)?,
            Err(error) => ended = Err(error),
        }
    }
    // Until then, bytes may still be in the buffer.
    file.flush().await.map_err(failed)?;
    let bytes = file.metadata().await.map_err(failed)?.len();
    Ok((bytes, ended))
}

/// Returns an error without details for the client. The log has the details.
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
        conformance::run(|| Chunks::new("data/conformance")).await;
        println!("every case has passed");
        return Ok(());
    }

    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/files/", listener.local_addr()?);
    let uploads = TusService::new(Chunks::new("data"));
    let app = axum::Router::new().nest_service("/files", uploads);
    axum::serve(listener, app).await?;
    Ok(())
}

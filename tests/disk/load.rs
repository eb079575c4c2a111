//! Clients that create, append, concatenate and delete at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::request::Builder;
use http::{Method, StatusCode};
use tokio::task::JoinSet;
use tower_tus::layers::checksum::Algorithms;
use tower_tus::layers::protocol::Metadata;

use crate::harness::tus::{Content, Tus, content, number, patch, request, streamed};
use crate::ledger::{Entry, Ledger, pattern};
use crate::random::Random;

const CLIENTS: usize = 6;
/// The number of bytes that a slow client sends at once.
const FRAME: usize = 16 << 10;

/// Clients at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<usize>,
}

impl Load {
    /// Starts clients, which go on with the uploads in the ledger.
    pub(crate) fn start(tus: &Tus, ledger: &Ledger, random: &mut Random) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client {
                tus: tus.clone(),
                ledger: ledger.clone(),
                random: random.split(),
                prefix: format!("c{number}-"),
                stop: stop.clone(),
            };
            clients.spawn(client.work());
        }
        Self { stop, clients }
    }

    /// Waits until each client has its last answer, or until the server is
    /// gone. Returns the number of answers.
    pub(crate) async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.into_iter().sum()
    }
}

/// A client with uploads of its own. Its methods return `None` once the server
/// is gone.
struct Client {
    tus: Tus,
    ledger: Ledger,
    random: Random,
    /// What the ids of its uploads begin with.
    prefix: String,
    stop: Arc<AtomicBool>,
}

impl Client {
    async fn work(mut self) -> usize {
        let mut answers = 0;
        while !self.stop.load(Ordering::Relaxed) && self.step().await.is_some() {
            answers += 1;
        }
        answers
    }

    async fn step(&mut self) -> Option<()> {
        let (finished, unfinished): (Vec<_>, Vec<_>) = {
            let entries = self.ledger.lock();
            let mine = entries
                .iter()
                .filter(|(id, _)| id.starts_with(&self.prefix));
            let live = mine.filter(|(_, entry)| entry.is_live());
            let live = live.map(|(id, entry)| (id.clone(), entry.clone()));
            live.partition(|(_, entry)| entry.is_finished())
        };
        let partials = finished.iter().filter(|(_, entry)| entry.is_partial);
        let partials: Vec<_> = partials.map(|(id, _)| id).collect();
        if (finished.len() > 6 || self.random.once_in(8))
            && let Some((id, _)) = self.random.one_of(&finished)
        {
            return self.terminate(id).await;
        }
        if self.random.once_in(4) {
            let (one, other) = (self.random.one_of(&partials), self.random.one_of(&partials));
            if let (Some(one), Some(other)) = (one, other) {
                return self.concatenate([one, other]).await;
            }
        }
        if unfinished.len() >= 3 && !self.random.once_in(6) {
            let (id, entry) = self.random.one_of(&unfinished)?;
            return self.append(id, entry).await;
        }
        self.create().await
    }

    async fn create(&mut self) -> Option<()> {
        let length = match self.random.within(0..16) {
            0 => 0,
            1 | 2 => self.random.within(256 << 10..2 << 20),
            _ => self.random.within(1..64 << 10),
        };
        let id = self.name();
        let mut entry = Entry::new(pattern(self.random.next(), length));
        entry.is_partial = self.random.once_in(3);
        let first = match self.random.once_in(3) {
            true => self.random.within(0..length + 1),
            false => 0,
        };
        entry.sent = first;
        let mut post = creation(&self.tus, &id).header("Upload-Length", length);
        if entry.is_partial {
            post = post.header("Upload-Concat", "partial");
        }
        if first > 0 {
            post = post.header("Content-Type", "application/offset+octet-stream");
        }
        let body = self.body(entry.content.slice(..first));
        self.ledger.lock().insert(id.clone(), entry);
        let answer = self.tus.try_send(post.body(body).unwrap()).await?;
        assert_eq!(answer.status(), StatusCode::CREATED, "{answer:?}");
        self.ledger.note(&id, |entry| {
            (entry.created, entry.answered) = (true, first);
        });
        Some(())
    }

    async fn append(&mut self, id: &str, entry: &Entry) -> Option<()> {
        let (from, length) = (entry.answered, entry.content.len());
        let to = match self.random.once_in(2) {
            true => length,
            false => self.random.within(from + 1..length + 1),
        };
        let chunk = entry.content.slice(from..to);
        let mut request = patch(&url(&self.tus, id), from as u64);
        let whole_or_not = self.random.once_in(3);
        if whole_or_not {
            request = request.header("Upload-Checksum", checksum(&chunk));
        }
        self.ledger.note(id, |entry| {
            (entry.sent, entry.whole_or_not) = (to, whole_or_not);
        });
        let request = request.body(self.body(chunk)).unwrap();
        let answer = self.tus.try_send(request).await?;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{answer:?}");
        assert_eq!(number(answer.headers(), "upload-offset"), to as u64);
        self.ledger.note(id, |entry| entry.answered = to);
        Some(())
    }

    async fn concatenate(&mut self, parts: [&str; 2]) -> Option<()> {
        let id = self.name();
        let bytes = {
            let entries = self.ledger.lock();
            parts.map(|part| entries[part].content.clone()).concat()
        };
        let mut entry = Entry::new(bytes.into());
        (entry.sent, entry.whole_or_not) = (entry.content.len(), true);
        self.ledger.lock().insert(id.clone(), entry);
        let post = creation(&self.tus, &id).header("Upload-Concat", final_of(parts));
        let answer = self.tus.try_send(post.body(content("")).unwrap()).await?;
        assert_eq!(answer.status(), StatusCode::CREATED, "{answer:?}");
        self.ledger.note(&id, |entry| {
            (entry.created, entry.answered) = (true, entry.sent);
        });
        Some(())
    }

    async fn terminate(&self, id: &str) -> Option<()> {
        self.ledger.note(id, |entry| entry.ending = true);
        let request = request(Method::DELETE, &url(&self.tus, id)).body(content(""));
        let answer = self.tus.try_send(request.unwrap()).await?;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{answer:?}");
        self.ledger.note(id, |entry| entry.ended = true);
        Some(())
    }

    fn name(&mut self) -> String {
        format!("{}{:016x}", self.prefix, self.random.next())
    }

    /// Returns a body that is sent at once, or frame by frame like over a slow
    /// link.
    fn body(&mut self, bytes: Bytes) -> Content {
        match self.random.once_in(2) {
            true => content(bytes),
            false => slowly(bytes),
        }
    }
}

fn slowly(bytes: Bytes) -> Content {
    streamed(stream::unfold(bytes, |mut bytes| async move {
        if bytes.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
        let frame = bytes.split_to(FRAME.min(bytes.len()));
        Some((frame, bytes))
    }))
}

/// Builds the creation of an upload with this id.
pub(crate) fn creation(tus: &Tus, id: &str) -> Builder {
    tus.post().header("Upload-Metadata", pair("id", id))
}

/// Returns the value of `Upload-Concat` for the final upload of these parts.
pub(crate) fn final_of(parts: [&str; 2]) -> String {
    let [one, other] = parts;
    format!("final;/files/{one} /files/{other}")
}

/// Returns the value of `Upload-Checksum` for a chunk.
pub(crate) fn checksum(chunk: &[u8]) -> String {
    let algorithms = Algorithms::default();
    let mut digest = algorithms.get("sha1").unwrap().begin();
    digest.update(chunk);
    // Metadata has the same syntax: a name and base64.
    pair("sha1", digest.finish())
}

fn pair(name: &str, value: impl Into<Vec<u8>>) -> String {
    let value: Vec<u8> = value.into();
    let metadata = Metadata::from_pairs([(name, value)]).unwrap();
    metadata.raw().unwrap().to_str().unwrap().to_owned()
}

/// Returns the URL of an upload.
pub(crate) fn url(tus: &Tus, id: &str) -> String {
    format!("{}{id}", tus.url)
}

//! Uploads that start under one server, continue under the other, and finish
//! under the first.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use regex::Regex;

use crate::harness::tus::{Tus, content, patch, request};
use crate::program::{ALL_EVENTS, Home, Program, TowerTusd, Tusd, has_tusd, stop};

const TEXT: &str = "hello world";
const METADATA: &str = "filename d29ybGQudHh0,flag,amp PDE+Jg==";

struct Upload {
    name: &'static str,
    id: String,
    /// The number of received bytes.
    offset: usize,
    length: usize,
    /// The response to HEAD.
    told: BTreeSet<String>,
}

/// Starts an upload of each kind.
async fn begin(tus: &Tus) -> Vec<Upload> {
    let kinds = [
        ("untouched", "", 0),
        ("half done", "", 4),
        ("deferred", "", 4),
        ("half a partial", "partial", 4),
        ("a partial", "partial", TEXT.len()),
        ("complete", "", TEXT.len()),
    ];
    let mut uploads = Vec::new();
    for (name, concat, offset) in kinds {
        let mut post = tus.post().header("Upload-Metadata", METADATA);
        post = match name {
            "deferred" => post.header("Upload-Defer-Length", 1),
            _ => post.header("Upload-Length", TEXT.len()),
        };
        if !concat.is_empty() {
            post = post.header("Upload-Concat", concat);
        }
        let answer = tus.ask(post).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{name}");
        let url = tus.location(&answer);
        if offset > 0 {
            append(tus, name, &url, 0..offset).await;
        }
        let upload = Upload::new(tus, name, &url, offset, TEXT.len()).await;
        uploads.push(upload);
    }
    let partial = format!("{}{}", tus.url, uploads[4].id);
    let url = finish(tus, &[&partial, &partial]).await;
    uploads.push(Upload::new(tus, "a final", &url, 2 * TEXT.len(), 2 * TEXT.len()).await);
    uploads
}

async fn append(tus: &Tus, name: &str, url: &str, range: std::ops::Range<usize>) {
    let mut append = patch(url, range.start.try_into().unwrap());
    if name == "deferred" && range.end == TEXT.len() && !range.is_empty() {
        append = append.header("Upload-Length", TEXT.len());
    }
    let answer = tus.send(append.body(content(&TEXT[range])).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{name}");
}

/// Concatenates uploads.
async fn finish(tus: &Tus, parts: &[&str]) -> String {
    let parts = format!("final;{}", parts.join(" "));
    let answer = tus.ask(tus.post().header("Upload-Concat", parts)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    tus.location(&answer)
}

fn id(url: &str) -> String {
    url.rsplit('/').next().unwrap().to_owned()
}

/// Returns the response to HEAD, without the order of the metadata and the URLs
/// of a final's parts.
async fn told(tus: &Tus, url: &str) -> BTreeSet<String> {
    let answer = tus.head(url).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let headers = answer.headers().iter();
    let headers = headers.filter(|(name, _)| name.as_str().starts_with("upload-"));
    let place = Regex::new("[^; ]*/files/").unwrap();
    let lines = headers.flat_map(|(name, value)| {
        let value = place.replace_all(value.to_str().unwrap(), "");
        let values = value.split(',');
        let lines = values.map(|value| format!("{name}: {}", value.trim()));
        lines.collect::<Vec<_>>()
    });
    lines.collect()
}

impl Upload {
    async fn new(tus: &Tus, name: &'static str, url: &str, offset: usize, length: usize) -> Self {
        Self {
            name,
            id: id(url),
            offset,
            length,
            told: told(tus, url).await,
        }
    }

    fn is_complete(&self) -> bool {
        self.offset == self.length
    }

    /// Returns the URL of the upload, and expects its state to be unchanged.
    async fn find(&self, tus: &Tus) -> String {
        let url = format!("{}{}", tus.url, self.id);
        assert_eq!(told(tus, &url).await, self.told, "{}", self.name);
        let offset = format!("upload-offset: {}", self.offset);
        assert!(self.told.contains(&offset), "{}", self.name);
        url
    }

    /// Appends up to `offset`.
    async fn go_on(&mut self, tus: &Tus, offset: usize) {
        let url = self.find(tus).await;
        append(tus, self.name, &url, self.offset..offset).await;
        self.offset = offset;
        self.told = told(tus, &url).await;
    }

    /// Expects that a complete upload cannot be changed.
    async fn is_left_alone(&self, tus: &Tus) {
        let url = self.find(tus).await;
        if self.name != "a final" {
            append(tus, self.name, &url, self.length..self.length).await;
        }
        is_whole(tus, &url, self.length / TEXT.len()).await;
    }
}

/// Expects that GET returns the text repeated `times` times.
async fn is_whole(tus: &Tus, url: &str, times: usize) {
    let answer = tus.ask(request(Method::GET, url)).await;
    assert_eq!(answer.body(), &TEXT.repeat(times));
}

/// Returns the uploads that hooks of this event were called for.
fn told_of(heard: &str, event: &str) -> BTreeSet<String> {
    let lines = heard.lines().filter(|line| line.starts_with(event));
    let ids = lines.map(|line| {
        let (_, id) = line.split_once("TUS_ID=").unwrap();
        id.split(' ').next().unwrap().to_owned()
    });
    ids.collect()
}

/// Moves uploads of every kind between the programs, and finishes them under
/// the last.
async fn travel(programs: [Program; 3]) {
    let home = Home::new();
    // The command line stays the same.
    let line = ["-hooks-dir=hooks", ALL_EVENTS];
    let (server, tus) = programs[0].start(&home, &line).await;
    let mut uploads = begin(&tus).await;
    stop(server).await;

    for program in &programs[1..] {
        let (server, tus) = program.start(&home, &line).await;
        let url = |name| {
            let upload = uploads.iter().find(|upload| upload.name == name);
            format!("{}{}", tus.url, upload.expect("it was begun").id)
        };
        let [half, whole] = [url("half a partial"), url("a partial")];
        let is_last = program == &programs[2];
        let mut finished = BTreeSet::new();
        for upload in &mut uploads {
            if upload.is_complete() {
                upload.is_left_alone(&tus).await;
            } else if is_last {
                upload.go_on(&tus, TEXT.len()).await;
                upload.is_left_alone(&tus).await;
                finished.insert(upload.id.clone());
            } else {
                upload.go_on(&tus, upload.offset + 3).await;
            }
        }
        let first = if is_last { &half } else { &whole };
        let url = finish(&tus, &[first, &whole]).await;
        is_whole(&tus, &url, 2).await;
        finished.insert(id(&url));
        let pid = server.pid();
        stop(server).await;

        let heard = home.heard(pid);
        // Earlier hooks have been waited for.
        assert_eq!(told_of(&heard, "pre-finish"), finished, "{program:?}");
        assert!(
            told_of(&heard, "post-finish").is_subset(&finished),
            "{program:?}"
        );
    }
}

#[tokio::test]
async fn what_tusd_has_begun_goes_on_here_and_back_there() {
    if has_tusd() {
        travel([Tusd, TowerTusd, Tusd]).await;
    }
}

#[tokio::test]
async fn what_is_begun_here_goes_on_under_tusd_and_back_here() {
    if has_tusd() {
        travel([TowerTusd, Tusd, TowerTusd]).await;
    }
}

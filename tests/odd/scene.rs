//! A server, its surroundings, and the uploads that requests refer to.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use http::{HeaderValue, Method, Response, StatusCode};

use crate::harness::tus::{Tus, Version, content, number, request};
use crate::harness::{Server, Signal, names};

/// Redirects stderr, where panics are reported, to stdout, which the harness
/// reads.
const ALL_OUTPUT: [&str; 3] = ["sh", "-c", r#"exec "$0" "$@" 2>&1"#];

pub(crate) struct Scene {
    server: Server,
    tus: Tus,
    /// The directories around the upload directory.
    home: PathBuf,
    around: BTreeSet<(PathBuf, Vec<u8>)>,
    /// An upload that no request touches.
    quiet: String,
    /// All uploads that have been created.
    made: Vec<String>,
}

/// The state of an upload, as clients see it.
#[derive(Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) offset: u64,
    pub(crate) length: Option<HeaderValue>,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let server = Server::start_under(&ALL_OUTPUT, &["-upload-dir=deep/data"]).await;
        let home = server.uploads().parent().unwrap().to_owned();
        for dir in ["", "deep"] {
            plant(&home.join(dir), "secret");
        }
        let tus = Tus::new(server.url(), Version::Http1);
        let quiet = tus.create(5).await;
        Self {
            around: files(&home, &home.join("deep/data")),
            made: vec![quiet.clone()],
            server,
            tus,
            home,
            quiet,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the bytes of a request, and the URL of its upload.
    pub(crate) async fn request(&mut self, text: &str) -> (Vec<u8>, Option<String>) {
        let (mut bytes, mut upload) = (Vec::new(), None);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            bytes.extend(latin1(before));
            let (name, after) = after.split_once('}').unwrap();
            rest = after;
            if let Some(text) = text_of(name) {
                bytes.extend(latin1(&text));
            } else {
                if upload.is_none() {
                    upload = Some(self.upload(name).await);
                }
                let path: http::Uri = upload.as_ref().unwrap().parse().unwrap();
                bytes.extend(path.path().as_bytes());
            }
        }
        bytes.extend(latin1(rest));
        (bytes, upload)
    }

    /// Creates an upload in the named state.
    async fn upload(&mut self, state: &str) -> String {
        let (length, stored) = match state {
            "fresh" | "gone" => (Some(10), ""),
            "half" => (Some(10), "hello"),
            "full" => (Some(5), "hello"),
            "deferred" => (None, ""),
            "begun" => (None, "hello"),
            _ => panic!("what is {{{state}}}?"),
        };
        let post = match length {
            Some(length) => self.tus.post().header("Upload-Length", length),
            None => self.tus.post().header("Upload-Defer-Length", 1),
        };
        let url = self.tus.location(&self.tus.ask(post).await);
        self.tus.append(&url, 0, content(stored)).await;
        if state == "gone" {
            self.tus.ask(request(Method::DELETE, &url)).await;
        }
        self.made.push(url.clone());
        url
    }

    /// Returns the state of an upload, if it exists.
    pub(crate) async fn stands(&self, url: Option<&str>) -> Option<Standing> {
        let answer = self.tus.head(url?).await;
        let headers = answer.headers();
        assert!(!headers.contains_key("set-cookie"), "CRE-06");
        (answer.status() == StatusCode::OK).then(|| Standing {
            offset: number(headers, "upload-offset"),
            length: headers.get("upload-length").cloned(),
        })
    }

    /// Records the upload that a request has created.
    pub(crate) fn remember(&mut self, answer: &Response<()>) {
        if let Some(location) = answer.headers().get("location") {
            let (_, id) = location.to_str().unwrap().rsplit_once('/').unwrap();
            self.made.push(format!("{}{id}", self.tus.url));
        }
    }

    pub(crate) async fn still_serves(&self) -> bool {
        let quiet = self.stands(Some(&self.quiet)).await;
        quiet.is_some_and(|quiet| quiet.offset == 0)
    }

    /// Returns unexpected files, and unexpected output of the server.
    pub(crate) async fn clear(mut self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut known = BTreeSet::new();
        for url in &self.made {
            let (_, id) = url.rsplit_once('/').unwrap();
            if self.stands(Some(url)).await.is_some() {
                known.extend([id.to_owned(), format!("{id}.info")]);
            }
        }
        let data = self.home.join("deep/data");
        let there: BTreeSet<_> = entries(&data)
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        for file in there.symmetric_difference(&known) {
            wrong.push(format!(
                "{file} is where it should not be, or is not where it should"
            ));
        }
        if files(&self.home, &data) != self.around {
            wrong.push("something has changed outside the upload directory".to_owned());
        }
        self.server.signal(Signal::TERM);
        let said = self.server.rest().await;
        // tusd logs disconnected clients as errors.
        let is_error = |line: &String| line.contains("ERROR") && !line.contains("BodyReadError");
        let bad = |line: &String| line.contains("panic") || is_error(line);
        wrong.extend(said.into_iter().filter(bad));
        wrong
    }
}

/// Creates files that look like an upload.
fn plant(dir: &Path, id: &str) {
    let info = format!(
        r#"{{"ID":"{id}","Size":10,"SizeIsDeferred":false,"Offset":0,"MetaData":{{}},"IsPartial":false,"IsFinal":false,"PartialUploads":null,"Storage":null}}"#
    );
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join(id), "").unwrap();
    fs::write(dir.join(format!("{id}.info")), info).unwrap();
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    names(dir).into_iter().map(|name| dir.join(name))
}

/// Returns all files below a directory with their content, except for those
/// below `less`.
fn files(dir: &Path, less: &Path) -> BTreeSet<(PathBuf, Vec<u8>)> {
    let mut files = BTreeSet::new();
    for path in entries(dir).filter(|path| path != less) {
        if path.is_dir() {
            files.extend(self::files(&path, less));
        } else {
            files.insert((path.clone(), fs::read(path).unwrap()));
        }
    }
    files
}

/// Returns the text that a placeholder stands for, unless it is an upload.
fn text_of(name: &str) -> Option<String> {
    const TYPE: &str = "Content-Type: application/offset+octet-stream";
    Some(match name {
        "tus" => " HTTP/1.1\nHost: tus\nTus-Resumable: 1.0.0".to_owned(),
        "type" => TYPE.to_owned(),
        "hello" => "Content-Length: 5\n\nhello".to_owned(),
        "lf" => "\u{0}lf".to_owned(),
        "fin" => "{fin}".to_owned(),
        _ => {
            let (text, times) = name.rsplit_once('*')?;
            let times = times.parse().unwrap();
            match text {
                "pairs" => pairs(times),
                _ => text.repeat(times),
            }
        }
    })
}

fn pairs(times: usize) -> String {
    let pairs: Vec<_> = (0..times).map(|time| format!("k{time} YQ==")).collect();
    pairs.join(",")
}

/// Encodes each character as one byte, and a line break as two.
fn latin1(text: &str) -> Vec<u8> {
    let text = text.replace('\n', "\r\n").replace("\u{0}lf", "\n");
    let byte = |letter| u8::try_from(u32::from(letter)).expect("it is below 256");
    text.chars().map(byte).collect()
}

//! Replaces tusd by tower-tusd on the same directory, and the other way round.
//! The files are those of tusd.

#![cfg(unix)]

mod harness;

use std::fs;
use std::path::{Path, PathBuf};

use harness::tus::{Answer, Tus, Version, code, content, patch, request};
use harness::{Server, Signal, names, patient};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

const ID: &str = "24e533e02ec3bc40c387f1a0e460e216";

/// An upload directory of tusd.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir(home.dir()).unwrap();
        home
    }

    fn dir(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap().join("data")
    }

    fn data(&self) -> PathBuf {
        self.dir().join(ID)
    }

    fn info(&self) -> PathBuf {
        self.dir().join(format!("{ID}.info"))
    }

    /// Writes the files of a tusd upload that has received `data`.
    fn upload(&self, info: &str, data: &str) {
        fs::write(self.data(), data).unwrap();
        fs::write(self.info(), info).unwrap();
    }

    async fn serve(&self) -> (Server, Tus, String) {
        let server = Server::start_in(self.0.path(), &[]).await;
        let tus = Tus::new(server.url(), Version::Http1);
        let url = format!("{}{ID}", server.url());
        (server, tus, url)
    }

    /// Returns the names of all files in the directory.
    fn files(&self) -> Vec<String> {
        names(&self.dir())
    }
}

/// Returns the `.info` of an upload in `dir`, as tusd v2 writes it.
fn info(size: &str, dir: &Path) -> String {
    let dir = dir.display();
    format!(
        r#"{{"ID":"{ID}",{size},"Offset":0,"MetaData":{{"filename":"ä.txt","flag":""}},"IsPartial":false,"IsFinal":false,"PartialUploads":null,"Storage":{{"InfoPath":"{dir}/{ID}.info","Path":"{dir}/{ID}","Type":"filestore"}}}}"#
    )
}

const OF_TEN: &str = r#""Size":10,"SizeIsDeferred":false"#;
const DEFERRED: &str = r#""Size":0,"SizeIsDeferred":true"#;

/// Returns the `.info` of an early tusd, without deferred lengths and storage
/// paths.
fn early_info() -> String {
    format!(
        r#"{{"ID":"{ID}","Size":10,"Offset":0,"MetaData":null,"IsPartial":false,"IsFinal":false,"PartialUploads":null}}"#
    )
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

// --- From tusd to here ---

#[tokio::test]
async fn a_half_done_upload_goes_on() {
    for with_storage in [true, false] {
        let home = Home::new();
        let info = match with_storage {
            true => info(OF_TEN, &home.dir()),
            false => early_info(),
        };
        home.upload(&info, "hello");
        let (_server, tus, url) = home.serve().await;
        let head = tus.head(&url).await;
        assert_eq!(header(&head, "upload-offset"), "5");
        assert_eq!(header(&head, "upload-length"), "10");
        let metadata = if with_storage {
            "filename w6QudHh0,flag"
        } else {
            ""
        };
        assert_eq!(header(&head, "upload-metadata"), metadata);
        let answer = tus.append(&url, 5, content("world")).await;
        assert_eq!(header(&answer, "upload-offset"), "10");
        assert_eq!(fs::read(home.data()).unwrap(), b"helloworld");
    }
}

#[tokio::test]
async fn an_upload_without_a_length_goes_on_and_gets_one() {
    let home = Home::new();
    home.upload(&info(DEFERRED, &home.dir()), "hello");
    let (_server, tus, url) = home.serve().await;
    let head = tus.head(&url).await;
    assert_eq!(header(&head, "upload-defer-length"), "1");
    assert_eq!(header(&head, "upload-length"), "");
    let append = patch(&url, 5).header("Upload-Length", "10");
    let answer = tus.send(append.body(content("world")).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let info: Value = serde_json::from_slice(&fs::read(home.info()).unwrap()).unwrap();
    assert_eq!(
        (&info["Size"], &info["SizeIsDeferred"]),
        (&json!(10), &json!(false))
    );
    assert_eq!(info["MetaData"], json!({"filename": "ä.txt", "flag": ""}));
}

#[tokio::test]
async fn a_complete_upload_is_finished_and_nothing_happens_to_it() {
    let home = Home::new();
    let info = info(OF_TEN, &home.dir());
    home.upload(&info, "helloworld");
    let (mut server, tus, url) = home.serve().await;
    assert_eq!(tus.offset(&url).await, 10);
    let answer = tus.append(&url, 10, content("")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        fs::read_to_string(home.info()).unwrap(),
        info,
        "not a byte of it"
    );
    server.signal(Signal::TERM);
    let log = server.rest().await;
    assert!(
        !log.iter().any(|line| line.contains("UploadFinished")),
        "{log:?}"
    );
}

#[tokio::test]
async fn a_directory_that_was_moved_keeps_its_uploads() {
    let home = Home::new();
    home.upload(&info(OF_TEN, Path::new("/srv/tusd-data/data")), "hello");
    let (_server, tus, url) = home.serve().await;
    assert_eq!(tus.offset(&url).await, 5);
    tus.append(&url, 5, content("world")).await;
    assert_eq!(fs::read(home.data()).unwrap(), b"helloworld");
}

#[tokio::test]
async fn an_upload_whose_bytes_were_taken_away_is_not_found_and_does_not_come_back() {
    let home = Home::new();
    home.upload(&info(OF_TEN, &home.dir()), "hello");
    let (_server, tus, url) = home.serve().await;
    assert_eq!(tus.offset(&url).await, 5);
    fs::rename(home.data(), home.0.path().join("processed")).unwrap();
    for answer in [
        tus.head(&url).await,
        tus.append(&url, 5, content("world")).await,
        tus.append(&url, 0, content("hello")).await,
    ] {
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(home.files(), [format!("{ID}.info")]);
    // Its remains can be removed.
    let answer = tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(home.files().is_empty());
}

#[tokio::test]
async fn what_a_killed_tusd_has_locked_is_free() {
    let home = Home::new();
    home.upload(&info(OF_TEN, &home.dir()), "hello");
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let lock = home.dir().join(format!("{ID}.lock"));
    fs::write(&lock, format!("{}\n", gone.id())).unwrap();
    let (_server, tus, url) = home.serve().await;
    let answer = tus.append(&url, 5, content("world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{}", code(&answer));
    assert!(!lock.exists());
}

#[tokio::test]
async fn what_a_killed_server_has_kept_for_its_locks_is_removed_and_one_that_ends_leaves_nothing() {
    let home = Home::new();
    home.upload(&info(OF_TEN, &home.dir()), "hello");
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let left = home.dir().join(format!(".{}.lock", "1".repeat(32)));
    fs::write(&left, format!("{}\n", gone.id())).unwrap();
    let lock = home.dir().join(format!("{ID}.lock"));
    fs::hard_link(&left, &lock).unwrap();
    let (mut server, tus, url) = home.serve().await;
    tus.append(&url, 5, content("wor")).await;
    patient(async {
        while left.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    })
    .await;
    tus.append(&url, 8, content("ld")).await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    let files = home.dir().read_dir().unwrap();
    let mut names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(names.all(|name| !name.ends_with(".lock")));
}

// --- From here to tusd ---

#[tokio::test]
async fn what_is_begun_here_lies_there_as_tusd_would_have_it() {
    let home = Home::new();
    let (_server, tus, _) = home.serve().await;
    let post = tus.post().header("Upload-Length", "10");
    let post = post.header("Upload-Metadata", "b Mg==,filename w6QudHh0,flag");
    let url = tus.location(&tus.ask(post).await);
    tus.append(&url, 0, content("hello")).await;

    let id = url.rsplit('/').next().unwrap();
    let dir = home.dir();
    let dir = dir.display();
    // Go reads members by name; people and scripts may rely on the order.
    let expected = format!(
        r#"{{"ID":"{id}","Size":10,"SizeIsDeferred":false,"Offset":0,"MetaData":{{"b":"2","filename":"ä.txt","flag":""}},"IsPartial":false,"IsFinal":false,"PartialUploads":null,"Storage":{{"InfoPath":"{dir}/{id}.info","Path":"{dir}/{id}","Type":"filestore"}},"TowerTus":{{"#
    );
    let info = fs::read_to_string(home.dir().join(format!("{id}.info"))).unwrap();
    assert!(info.starts_with(&expected), "{info}");
    let members: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(
        members.as_object().unwrap().len(),
        10,
        "one more than tusd: {info}"
    );
    assert_eq!(fs::read(home.dir().join(id)).unwrap(), b"hello");
    assert_eq!(
        home.files(),
        [id.to_owned(), format!("{id}.info")],
        "nothing else is left"
    );
}

#[tokio::test]
async fn an_upload_goes_there_and_comes_back() {
    let home = Home::new();
    let (mut server, tus, _) = home.serve().await;
    let post = tus.post().header("Upload-Defer-Length", "1");
    // The exact text of the header is in our own member only.
    let post = post.header("Upload-Metadata", "flag, filename w6QudHh0");
    let url = tus.location(&tus.ask(post).await);
    tus.append(&url, 0, content("he")).await;
    server.signal(Signal::TERM);
    server.exit().await;

    let id = url.rsplit('/').next().unwrap();
    let path = home.dir().join(format!("{id}.info"));
    let mut info: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    // tusd declares the length, and rewrites the members that it knows.
    let members = info.as_object_mut().unwrap();
    members.remove("TowerTus");
    members.insert("Size".into(), json!(10));
    members.insert("SizeIsDeferred".into(), json!(false));
    fs::write(path, info.to_string()).unwrap();
    fs::write(home.dir().join(id), "hello").unwrap();

    let (_server, tus, _) = home.serve().await;
    let url = format!("{}{id}", tus.url);
    let head = tus.head(&url).await;
    assert_eq!(header(&head, "upload-offset"), "5");
    assert_eq!(header(&head, "upload-length"), "10");
    assert_eq!(header(&head, "upload-metadata"), "filename w6QudHh0,flag");
    tus.append(&url, 5, content("world")).await;
    assert_eq!(fs::read(home.dir().join(id)).unwrap(), b"helloworld");
}

// --- What the page on it says ---

/// Runs the line of the page that contains `part`, in the directory.
fn run_from_page(home: &Home, part: &str) {
    let page = include_str!("../docs/migrate-from-tusd.md");
    let line = page
        .lines()
        .find(|line| line.trim().starts_with("cd data") && line.contains(part));
    let run = std::process::Command::new("bash")
        .args(["-c", line.expect("the page tells it")])
        .current_dir(home.0.path())
        .status();
    assert!(run.unwrap().success());
}

#[test]
fn a_chunk_that_was_cut_short_is_taken_back_for_tusd_as_the_page_says() {
    let home = Home::new();
    home.upload("{}", "hello, unverified");
    fs::write(home.dir().join(format!("{ID}.chunk")), "5\n").unwrap();
    fs::write(home.dir().join("short"), "he").unwrap();
    fs::write(home.dir().join("short.chunk"), "5\n").unwrap();
    // A mark that has moved forward, and a power cut in its next move.
    fs::write(home.dir().join("moved"), "hello, unsynced").unwrap();
    fs::write(home.dir().join("moved.chunk"), "1\n5\n1\0\0").unwrap();
    run_from_page(&home, "*.chunk");
    assert_eq!(fs::read(home.data()).unwrap(), b"hello");
    assert_eq!(fs::read(home.dir().join("short")).unwrap(), b"he");
    assert_eq!(fs::read(home.dir().join("moved")).unwrap(), b"hello");
    let mut left = [ID, &format!("{ID}.info"), "moved", "short"];
    left.sort_unstable();
    assert_eq!(home.files(), left);
}

#[tokio::test]
async fn an_upload_of_early_tusd_goes_on_once_its_file_is_renamed_as_the_page_says() {
    let home = Home::new();
    home.upload(&early_info(), "hello");
    fs::rename(home.data(), home.dir().join(format!("{ID}.bin"))).unwrap();
    let (server, tus, url) = home.serve().await;
    assert_eq!(tus.head(&url).await.status(), StatusCode::NOT_FOUND);
    drop(server);
    run_from_page(&home, "*.bin");
    let (_server, tus, url) = home.serve().await;
    assert_eq!(tus.offset(&url).await, 5);
}

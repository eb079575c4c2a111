//! Concatenation during a crash, or on a full disk.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Method, StatusCode};
use tempfile::TempDir;

use crate::disk_full::SMALL_DISK;
use crate::harness::raw::Http1;
use crate::harness::services::user_namespaces;
use crate::harness::tus::{Answer, Tus, Version, code, content, number, request};
use crate::harness::{Server, Signal, patient};

const PART: usize = 8 << 20;
/// How many times a final contains its parts, so that it takes some time.
const TIMES: usize = 16;

async fn start(home: &Path, args: &[&str]) -> (Server, Tus) {
    let server = Server::start_in(home, args).await;
    let tus = Tus::new(server.url(), Version::Http1);
    (server, tus)
}

/// Creates a partial upload, and returns its path.
async fn partial(tus: &Tus, length: usize, bytes: Vec<u8>) -> String {
    let post = tus.post().header("Upload-Concat", "partial");
    let answer = tus.ask(post.header("Upload-Length", length)).await;
    let url = tus.location(&answer);
    let answer = tus.append(&url, 0, content(bytes)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    url.parse::<http::Uri>().unwrap().path().to_owned()
}

async fn join(tus: &Tus, parts: &[&str]) -> Answer {
    let list = format!("final;{}", parts.join(" "));
    tus.ask(tus.post().header("Upload-Concat", list)).await
}

/// Returns the URL of a path on a restarted server.
fn url(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address())
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// Returns a random duration.
fn some_time() -> Duration {
    Duration::from_millis(1 + RandomState::new().hash_one(0) % 80)
}

/// Returns the data files of existing finals, and the data files without an
/// upload.
fn finals(uploads: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let files = uploads.read_dir().unwrap().map(|file| file.unwrap().path());
    let data = files.filter(|path| path.extension().is_none());
    let (there, left): (Vec<_>, Vec<_>) =
        data.partition(|path| path.with_extension("info").exists());
    let is_final = |path: &PathBuf| {
        let info = fs::read_to_string(path.with_extension("info")).unwrap();
        info.contains(r#""IsFinal":true"#)
    };
    (there.into_iter().filter(is_final).collect(), left)
}

#[tokio::test]
async fn ten_times_at_random_a_final_is_there_whole_or_not_at_all() {
    let home = TempDir::new().unwrap();
    let (mut server, mut tus) = start(home.path(), &[]).await;
    let a = partial(&tus, PART, vec![b'a'; PART]).await;
    let b = partial(&tus, PART, vec![b'b'; PART]).await;
    let parts = [[&a[..], &b]; TIMES].concat();
    for _ in 0..10 {
        let sending = tokio::spawn({
            let list = format!("final;{}", parts.join(" "));
            let post = tus.post().header("Upload-Concat", list);
            let request = post.body(content("")).unwrap();
            let tus = tus.clone();
            async move { tus.try_send(request).await }
        });
        tokio::time::sleep(some_time()).await;
        server.signal(Signal::KILL);
        server.exit().await;
        let answered = sending.await.unwrap();

        (server, tus) = start(home.path(), &[]).await;
        let (there, left) = finals(server.uploads());
        if let Some(answer) = answered {
            let path = there
                .iter()
                .find(|path| path.ends_with(id(&tus.location(&answer))));
            assert!(path.is_some(), "it was answered, and is gone");
        }
        let length = (2 * PART * TIMES) as u64;
        for path in there {
            assert_eq!(path.metadata().unwrap().len(), length);
            let name = path.file_name().unwrap().to_str().unwrap();
            let answer = tus.head(&format!("{}{name}", server.url())).await;
            assert_eq!(number(answer.headers(), "upload-offset"), length, "CAT-13");
            let end = tus.ask(request(Method::DELETE, &format!("{}{name}", server.url())));
            assert_eq!(end.await.status(), StatusCode::NO_CONTENT);
        }
        for path in left {
            let name = path.file_name().unwrap().to_str().unwrap();
            let answer = tus.head(&format!("{}{name}", server.url())).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
            fs::remove_file(path).unwrap();
        }
        for part in [&a, &b] {
            let offset = tus.offset(&url(&server, part)).await;
            assert_eq!(offset, PART as u64, "CAT-11");
        }
    }
}

#[tokio::test]
async fn ten_times_at_random_a_pending_final_is_completed_after_all() {
    let home = TempDir::new().unwrap();
    let (mut server, mut tus) = start(home.path(), &["-concatenation-unfinished"]).await;
    let a = partial(&tus, PART, vec![b'a'; PART]).await;
    for _ in 0..10 {
        let b = partial(&tus, 2, b"b".to_vec()).await;
        let answer = join(&tus, &[[&a[..], &b]; TIMES].concat()).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let whole = tus.location(&answer);
        let whole = format!("/files/{}", id(&whole));
        let sending = tokio::spawn({
            let (tus, url) = (tus.clone(), url(&server, &b));
            async move {
                tus.try_send(
                    crate::harness::tus::patch(&url, 1)
                        .body(content("c"))
                        .unwrap(),
                )
                .await
            }
        });
        tokio::time::sleep(some_time()).await;
        server.signal(Signal::KILL);
        server.exit().await;
        let answered = sending.await.unwrap();

        // Also on a server that does not accept new pending finals.
        (server, tus) = start(home.path(), &[]).await;
        let rest = tus.offset(&url(&server, &b)).await;
        assert!(rest == 2 || answered.is_none());
        if rest == 1 {
            let head = tus.head(&url(&server, &whole)).await;
            assert!(!head.headers().contains_key("upload-offset"), "CAT-12");
            let answer = tus.append(&url(&server, &b), 1, content("c")).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        }
        let length = ((PART + 2) * TIMES) as u64;
        assert_eq!(tus.offset(&url(&server, &whole)).await, length, "CAT-13");
        let stored = fs::read(server.uploads().join(id(&whole))).unwrap();
        let expected = [&vec![b'a'; PART][..], b"bc"].concat().repeat(TIMES);
        assert!(stored == expected, "CAT-05");
        for path in [&whole, &b] {
            tus.ask(request(Method::DELETE, &url(&server, path))).await;
        }
        drop(tus);
        server.signal(Signal::KILL);
        server.exit().await;
        (server, tus) = start(home.path(), &["-concatenation-unfinished"]).await;
    }
}

#[tokio::test]
async fn a_final_for_which_there_is_no_room_takes_none() {
    if !user_namespaces().await {
        return;
    }
    let wrapper = ["unshare", "-Urm", "sh", "-c", SMALL_DISK, "sh"];
    let server = Server::start_under(&wrapper, &["-concatenation-unfinished"]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let a = partial(&tus, 3 << 20, vec![7; 3 << 20]).await;
    let b = partial(&tus, 2, b"b".to_vec()).await;
    let answer = join(&tus, &[&a, &a]).await;
    assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(code(&answer), "ERR_INSUFFICIENT_STORAGE");
    assert!(!answer.headers().contains_key("location"));

    // A pending final fails when a client requests it, and stays pending.
    let answer = join(&tus, &[&a, &b, &a]).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let whole = tus.location(&answer);
    let answer = tus.append(&url(&server, &b), 1, content("c")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    for _ in 0..2 {
        let answer = tus.head(&whole).await;
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
        assert!(!answer.headers().contains_key("upload-offset"), "CAT-12");
    }
    // All space has been freed.
    let answer = join(&tus, &[&a, &b]).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(tus.offset(&tus.location(&answer)).await, (3 << 20) + 2);
    for end in [&tus.location(&answer), &url(&server, &a)] {
        let answer = tus.ask(request(Method::DELETE, end)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    let answer = tus.head(&whole).await;
    assert_eq!(
        answer.status(),
        StatusCode::NOT_FOUND,
        "a part of it was ended"
    );
}

/// How many times a final contains its part, so that copying takes seconds.
const LONG: usize = 500;

fn long_list(part: &str) -> String {
    format!("final;{}", vec![part; LONG].join(" "))
}

/// Starts to copy a long final, and waits until its file exists.
async fn begin_long(
    server: &Server,
    tus: &Tus,
) -> (String, tokio::task::JoinHandle<Option<Answer>>) {
    let part = partial(tus, PART, vec![b'a'; PART]).await;
    let list = long_list(&part);
    let request = tus.post().header("Upload-Concat", list).body(content(""));
    let request = request.unwrap();
    let copy = tokio::spawn({
        let tus = tus.clone();
        async move { tus.try_send(request).await }
    });
    until(|| !finals(server.uploads()).1.is_empty()).await;
    (part, copy)
}

/// Polls for something that nothing else signals.
async fn until(happened: impl Fn() -> bool) {
    patient(async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Returns the names in the upload directory, without locks.
fn names(uploads: &Path) -> Vec<String> {
    let files = uploads.read_dir().unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.ends_with(".lock")).collect()
}

#[tokio::test]
async fn a_copy_makes_way_for_whoever_wants_a_part_and_leaves_nothing() {
    let home = TempDir::new().unwrap();
    for version in [Version::Http1, Version::Http2] {
        let server = Server::start_in(home.path(), &[]).await;
        let tus = Tus::new(server.url(), version);
        let (part, copy) = begin_long(&server, &tus).await;
        let ended = Tus::new(server.url(), Version::Http1);
        let ended = ended
            .ask(request(Method::DELETE, &url(&server, &part)))
            .await;
        assert_eq!(ended.status(), StatusCode::NO_CONTENT);
        let answer = copy.await.unwrap().expect("it is answered");
        assert_eq!(answer.status(), StatusCode::LOCKED);
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(names(server.uploads()), [""; 0]);
    }
}

#[tokio::test]
async fn a_copy_ends_with_the_server_and_leaves_nothing() {
    let home = TempDir::new().unwrap();
    let (mut server, tus) = start(home.path(), &[]).await;
    let (part, copy) = begin_long(&server, &tus).await;
    server.signal(Signal::TERM);
    let answer = copy.await.unwrap().expect("it is answered");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    server.exit().await;
    let mut left = names(server.uploads());
    left.sort();
    assert_eq!(left, [id(&part).to_owned(), format!("{}.info", id(&part))]);
}

#[tokio::test]
async fn a_copy_ends_with_its_client_and_leaves_nothing() {
    let home = TempDir::new().unwrap();
    let server = Server::start_in(home.path(), &[]).await;
    let tus = Tus::new(server.url(), Version::Http2);
    let (part, copy) = begin_long(&server, &tus).await;
    // This resets the stream.
    copy.abort();
    until(|| names(server.uploads()).len() == 2).await;
    assert_eq!(tus.offset(&url(&server, &part)).await, PART as u64);

    let mut client = Http1::connect(server.address()).await;
    let list = ("Upload-Concat", long_list(&part));
    client.head("POST /files/", &[list]).await;
    until(|| !finals(server.uploads()).1.is_empty()).await;
    client.rst();
    until(|| names(server.uploads()).len() == 2).await;
    assert_eq!(tus.offset(&url(&server, &part)).await, PART as u64);
}

//! Where uploads are stored, and with which permissions.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::harness::raw::Http1;
use super::harness::tus::content;
use super::harness::{Server, command, names, patient};
use super::{Tus, Version, start};

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn early_tusd_s_name_of_the_directory_is_known() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start_in(home.path(), &["-dir", "a"]).await;
    Tus::new(server.url(), Version::Http1).create(5).await;
    assert!(home.path().join("a").read_dir().unwrap().count() >= 2);
    assert!(!home.path().join("data").exists());

    let server = Server::start_in(home.path(), &["-dir=b", "-upload-dir=c"]).await;
    Tus::new(server.url(), Version::Http1).create(5).await;
    assert!(!home.path().join("b").exists(), "the last one wins");
}

#[tokio::test]
async fn permissions_are_what_the_flags_say_less_the_umask() {
    let home = tempfile::tempdir().unwrap();
    let mut shell = command(home.path(), &[]);
    let server = shell.as_std().get_program().to_owned();
    shell = tokio::process::Command::new("sh");
    shell
        .args(["-c", r#"umask 020; exec "$0" "$@""#])
        .arg(server)
        .args([
            "-host=127.0.0.1",
            "-port=0",
            "-dir-perms=770",
            "-file-perms",
            "0660",
        ])
        .current_dir(home.path())
        .kill_on_drop(true);
    let server = Server::launch(home.path(), shell).await;
    let url = Tus::new(server.url(), Version::Http1).create(5).await;
    let data = server.uploads().join(url.rsplit('/').next().unwrap());
    assert_eq!(mode(server.uploads()), 0o750);
    assert_eq!(mode(&data), 0o640);
    assert_eq!(mode(&data.with_extension("info")), 0o640);
}

#[tokio::test]
async fn locks_are_files_unless_they_are_to_be_in_memory() {
    for (args, are_files) in [
        (&[][..], true),
        (&["-locks=file"], true),
        (&["-locks=memory"], false),
    ] {
        let (server, tus) = start(args).await;
        let url = tus.create(10).await;
        let data = server.uploads().join(url.rsplit('/').next().unwrap());
        let mut client = Http1::connect(server.address()).await;
        let headers = [
            ("Connection", "close".to_owned()),
            ("Upload-Offset", "0".to_owned()),
            ("Content-Type", "application/offset+octet-stream".to_owned()),
            ("Content-Length", "10".to_owned()),
        ];
        let path = &url[url.find("/files/").unwrap()..];
        client.head(&format!("PATCH {path}"), &headers).await;
        client.send(b"hello").await;
        let is_written = || data.metadata().unwrap().len() == 5;
        patient(async {
            while !is_written() {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        })
        .await;
        let lock = data.with_extension("lock");
        assert_eq!(lock.exists(), are_files, "{args:?}");
        assert_eq!(tus.offset(&url).await, 5, "the holder is interrupted");
        // The server waits some seconds for the rest of a body before it closes.
        client.send(b"world").await;
        let answer = client.rest().await;
        assert!(answer.contains("ERR_UPLOAD_INTERRUPTED"), "{answer}");
        assert!(!lock.exists());
    }
}

#[tokio::test]
async fn a_process_that_does_not_answer_loses_its_lock_after_the_time_that_is_set() {
    for (time, status) in [("-filelock-stale-after=1ms", 204), ("-locks=file", 423)] {
        let (server, tus) = start(&[time, "-acquire-lock-timeout=1s"]).await;
        let url = tus.create(10).await;
        let data = server.uploads().join(url.rsplit('/').next().unwrap());
        // This process has no idea of locks.
        let lock = data.with_extension("lock");
        std::fs::write(&lock, format!("{}\n", std::process::id())).unwrap();
        let answer = tus.append(&url, 0, content("hello")).await;
        assert_eq!(answer.status(), status, "{time}");
    }
}

#[tokio::test]
async fn the_first_bytes_of_a_creation_lock_nothing_on_the_disk() {
    // The log, metrics, and the gate for their page have no part in who knows of it.
    for args in [&[][..], &["-base-path=/", "-metrics-path=/metrics"]] {
        let (server, tus) = start(args).await;
        let mut client = Http1::connect(server.address()).await;
        let headers = [
            ("Upload-Length", "10".to_owned()),
            ("Content-Type", "application/offset+octet-stream".to_owned()),
            ("Content-Length", "10".to_owned()),
        ];
        let path = tus.url[tus.url.find("//").unwrap() + 2..].split_once('/');
        let path = format!("/{}", path.unwrap().1);
        client.head(&format!("POST {path}"), &headers).await;
        client.send(b"hello").await;
        let written = || {
            let files = names(server.uploads());
            let data = files.iter().find(|name| !name.contains('.'))?;
            let length = server.uploads().join(data).metadata().unwrap().len();
            (length == 5).then_some(files)
        };
        let files = patient(async {
            loop {
                match written() {
                    Some(files) => break files,
                    None => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
                }
            }
        });
        let files = files.await;
        assert_eq!(files.len(), 2, "{args:?}: {files:?}");
        client.send(b"world").await;
        let answer = patient(client.response()).await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.headers()["upload-offset"], "10");
        assert_eq!(names(server.uploads()), files);
    }
}

#[tokio::test]
async fn early_tusd_s_uploads_are_found_and_the_log_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    std::fs::create_dir(&dir).unwrap();
    for name in ["one.bin", "one.info", "two.bin", "two.info", "not.bin"] {
        std::fs::write(dir.join(name), "").unwrap();
    }
    // A current upload whose id ends like an early file name.
    for name in ["id", "id.info", "id.bin", "id.bin.info"] {
        std::fs::write(dir.join(name), "").unwrap();
    }
    let mut server = Server::start_in(home.path(), &[]).await;
    let line = server.line("early tusd").await;
    assert!(
        line.contains("level=WARN") && line.contains("uploads=2"),
        "{line}"
    );
    let (_, rename) = line.split_once("rename=\"").unwrap();
    let rename = rename.strip_suffix('"').unwrap().replace("\\\"", "\"");

    std::fs::remove_file(dir.join("not.bin")).unwrap();
    std::fs::remove_file(dir.join("id")).unwrap();
    let renamed = std::process::Command::new("sh")
        .args(["-c", &rename])
        .current_dir(&dir)
        .status();
    assert!(renamed.unwrap().success());
    assert!(dir.join("one").exists() && dir.join("two").exists());
}

#[tokio::test]
async fn a_directory_of_today_s_uploads_is_not_talked_about() {
    let (mut server, tus) = start(&[]).await;
    tus.create(5).await;
    server.signal(super::harness::Signal::TERM);
    let log = server.rest().await;
    assert!(!log.iter().any(|line| line.contains("early")), "{log:?}");
}

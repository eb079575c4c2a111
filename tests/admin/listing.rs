//! `tower-tusd ls`

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::tus::{content, request};
use crate::harness::{Server, command, names, patient};
use crate::{client, described, home, id, run};

/// Writes the files of uploads that tusd has begun.
fn begun(home: &Path, count: u32) {
    let data = home.join("data");
    fs::create_dir_all(&data).unwrap();
    for number in 0..count {
        let id = format!("{number:08}");
        let info = json!({ "ID": id, "Size": 5, "Offset": 0, "MetaData": {} });
        fs::write(data.join(format!("{id}.info")), info.to_string()).unwrap();
        fs::write(data.join(&id), "").unwrap();
    }
}

#[tokio::test]
async fn a_list_is_a_table_of_ids_states_sizes_and_names() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let whole = described(&tus, 5, "filename aGVsbG8udHh0").await;
    tus.append(&whole, 0, content("hello")).await;
    let begun = tus.create(2048).await;
    tus.append(&begun, 0, content("hello")).await;

    let list = run(home(&server), &["ls"]).await.fine();
    let lines: Vec<Vec<&str>> = list
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["ID", "STATE", "SIZE", "ACTIVE", "FILENAME"]);
    let line = |url| lines.iter().find(|line| line[0] == id(url)).unwrap();
    assert_eq!(line(&whole)[1..3], ["finished", "5"]);
    assert_eq!(line(&whole)[4], "hello.txt");
    assert_eq!(line(&begun)[1..3], ["receiving", "5/2.0K"]);
    assert_eq!(lines.len(), 3);
}

#[tokio::test]
async fn a_list_as_json_has_one_object_per_line() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = described(&tus, 11, "filename aGVsbG8udHh0,empty").await;
    tus.append(&url, 0, content("hello")).await;
    let objects = run(home(&server), &["ls", "--json"]).await.fine().json();
    let [upload] = &objects[..] else {
        panic!("{objects:?}");
    };
    let data = fs::canonicalize(server.uploads()).unwrap();
    let expected = json!({
        "id": id(&url),
        "state": "receiving",
        "offset": 5,
        "length": 11,
        "created": upload["created"],
        "last_activity": upload["last_activity"],
        "expires": null,
        "metadata": { "filename": "hello.txt", "empty": "" },
        "partial": false,
        "path": data.join(id(&url)).to_str().unwrap(),
    });
    assert_eq!(*upload, expected);
    for time in ["created", "last_activity"] {
        let time = upload[time].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    }
}

#[tokio::test]
async fn the_json_of_partial_and_final_uploads_says_what_they_are() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let partial = tus.post().header("Upload-Length", "5");
    let answer = tus.ask(partial.header("Upload-Concat", "partial")).await;
    let part = tus.location(&answer);
    tus.append(&part, 0, content("hello")).await;
    let concat = format!("final;{part} {part}");
    let answer = tus.ask(tus.post().header("Upload-Concat", concat)).await;
    let whole = tus.location(&answer);

    let args = ["show", "--json", id(&part), id(&whole)];
    let shown = run(home(&server), &args).await.fine().json();
    assert_eq!(
        (&shown[0]["partial"], &shown[0]["parts"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(shown[1]["partial"], false);
    assert_eq!(shown[1]["parts"], json!([id(&part), id(&part)]));
    assert_eq!(shown[1]["length"], 10);
}

#[tokio::test]
async fn a_list_has_a_limit_and_goes_on_behind_an_id() {
    let home = TempDir::new().unwrap();
    begun(home.path(), 2_500);
    let all = run(home.path(), &["ls", "--json"]).await.fine();
    assert_eq!(all.json().len(), 2_500);
    assert!(all.all("id").is_sorted_by_key(|id| id.to_string()));

    let args = ["ls", "--json", "-limit", "2", "-after", "00001001"];
    let some = run(home.path(), &args).await.fine();
    assert_eq!(some.all("id"), ["00001002", "00001003"]);
    let args = ["ls", "--json", "-prefix", "0000240"];
    assert_eq!(run(home.path(), &args).await.fine().json().len(), 10);
    let args = ["ls", "--json", "-prefix", "nothing"];
    assert_eq!(run(home.path(), &args).await.fine().out, "");
}

#[tokio::test]
async fn a_list_of_unfinished_uploads_is_as_long_as_its_limit() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let mut unfinished = Vec::new();
    for _ in 0..3 {
        let url = tus.create(5).await;
        tus.append(&url, 0, content("hello")).await;
        unfinished.push(id(&tus.create(5).await).to_owned());
    }
    unfinished.sort();
    let args = ["ls", "-unfinished", "--json"];
    let list = run(home(&server), &args).await.fine();
    assert_eq!(list.all("id"), &unfinished[..]);
    let args = ["ls", "-unfinished", "--json", "-limit=2"];
    let list = run(home(&server), &args).await.fine();
    assert_eq!(list.all("id"), &unfinished[..2]);
}

#[tokio::test]
async fn what_a_client_wrote_cannot_change_the_terminal() {
    let server = Server::start(&[]).await;
    // "a\x1b[31m\nb"
    let url = described(&client(&server), 5, "filename YRtbMzFtCmI=").await;
    let list = run(home(&server), &["ls"]).await.fine();
    assert!(list.out.contains(r"a\u{1b}[31m\nb"), "{}", list.out);
    let shown = run(home(&server), &["show", id(&url)]).await.fine();
    assert!(
        shown.out.contains(r"filename: a\u{1b}[31m\nb"),
        "{}",
        shown.out
    );
    let object = &run(home(&server), &["ls", "--json"]).await.json()[0];
    assert_eq!(object["metadata"]["filename"], "a\u{1b}[31m\nb");
}

#[tokio::test]
async fn a_list_changes_nothing_in_the_directory() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = tus.create(5).await;
    let before = names(server.uploads());
    for args in [&["ls"][..], &["show", id(&url)]] {
        run(home(&server), args).await.fine();
        assert_eq!(names(server.uploads()), before);
    }
    let answer = tus.ask(request(http::Method::DELETE, &url)).await;
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn a_list_that_nobody_reads_to_its_end_is_no_failure() {
    let home = TempDir::new().unwrap();
    begun(home.path(), 3_000);
    let mut ls = command(home.path(), &["ls"]);
    let mut ls = ls
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = ls.stdout.take().unwrap().into_owned_fd().unwrap();
    let first = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        let mut lines = BufReader::new(fs::File::from(stdout));
        lines.read_line(&mut line).unwrap();
        line
    });
    assert!(patient(first).await.unwrap().starts_with("ID"));
    let output = patient(ls.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

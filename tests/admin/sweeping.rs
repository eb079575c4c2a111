//! `tower-tusd sweep`, and the sweeps of the server.

use std::fs;

use serde_json::{Value, json};

use crate::harness::tus::{Tus, Version, content};
use crate::harness::{Server, Signal, names};
use crate::leftovers::{FOREIGN, OURS, make_old, write_all};
use crate::{client, home, id, run};

#[tokio::test]
async fn what_crashes_have_left_is_removed_and_what_may_be_somebodys_is_kept() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = tus.create(11).await;
    tus.append(&url, 0, content("hello")).await;
    write_all(server.uploads());
    let all = names(server.uploads());

    let would = run(home(&server), &["sweep", "-dry-run"]).await.fine();
    assert_eq!(names(server.uploads()), all);
    let swept = run(home(&server), &["sweep"]).await.fine();
    assert_eq!(would.out.replace("would remove", "removed"), swept.out);
    for name in OURS {
        assert!(swept.out.contains(name), "{name} {}", swept.out);
    }
    let summary = "removed 0 expired uploads and 5 leftovers";
    assert!(swept.out.contains(summary), "{}", swept.out);
    let mut left = [id(&url), FOREIGN[0], FOREIGN[1], "unreadable"].map(str::to_owned);
    let mut expected = left.to_vec();
    expected.push(format!("{}.info", id(&url)));
    expected.sort();
    assert_eq!(names(server.uploads()), expected);

    let swept = run(home(&server), &["sweep", "-foreign", "--json"])
        .await
        .fine();
    let removed = |it: &Value| it["action"] == "removed";
    assert!(swept.json().iter().all(removed), "{swept:?}");
    left.sort();
    assert!(!names(server.uploads()).contains(&FOREIGN[0].to_owned()));
    assert_eq!(tus.offset(&url).await, 5);
    tus.append(&url, 5, content(" world")).await;
    assert_eq!(
        fs::read(server.uploads().join(id(&url))).unwrap(),
        b"hello world"
    );
}

#[tokio::test]
async fn what_is_younger_than_asked_for_is_kept() {
    let server = Server::start(&[]).await;
    write_all(server.uploads());
    let all = names(server.uploads());
    let kept = run(home(&server), &["sweep", "-older-than=72h"])
        .await
        .fine();
    assert!(kept.out.contains("kept 5: "), "{}", kept.out);
    assert_eq!(names(server.uploads()), all);
    let args = ["sweep", "-older-than=72h", "--json"];
    let kept = run(home(&server), &args).await.fine();
    let young = kept.json().into_iter().filter(|it| it["reason"] == "young");
    let young: Vec<_> = young.map(|it| it["name"].clone()).collect();
    assert_eq!(young, OURS);
}

#[tokio::test]
async fn a_leftover_as_json_says_what_it_is_and_what_becomes_of_it() {
    let server = Server::start(&[]).await;
    let chunk = server.uploads().join("nobody.chunk");
    fs::write(&chunk, "0").unwrap();
    make_old(&chunk);
    let would = run(home(&server), &["sweep", "-dry-run", "--json"])
        .await
        .fine();
    let objects = would.json();
    let expected = json!({
        "name": "nobody.chunk",
        "kind": "chunk",
        "id": "nobody",
        "bytes": 1,
        "modified": objects[0]["modified"],
        "action": "would remove",
    });
    assert_eq!(objects, [expected]);
}

#[tokio::test]
async fn expired_uploads_are_removed_if_the_flags_say_that_they_expire() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let begun = tus.create(11).await;
    let whole = tus.create(5).await;
    tus.append(&whole, 0, content("hello")).await;
    let kept = run(home(&server), &["sweep"]).await.fine();
    assert!(
        kept.out.starts_with("removed 0 expired uploads"),
        "{}",
        kept.out
    );

    let would = run(
        home(&server),
        &["sweep", "-expiration=1ns", "-dry-run", "--json"],
    )
    .await;
    let expected = json!({
        "name": id(&begun),
        "kind": "expired",
        "id": id(&begun),
        "bytes": 0,
        "action": "would remove",
    });
    assert_eq!(would.fine().json(), [expected]);
    assert_eq!(tus.offset(&begun).await, 0);

    let swept = run(home(&server), &["sweep", "-expiration=1ns"])
        .await
        .fine();
    assert!(
        swept
            .out
            .contains(&format!("removed expired    {} ", id(&begun))),
        "{}",
        swept.out
    );
    assert!(
        swept.out.contains("removed 1 expired uploads"),
        "{}",
        swept.out
    );
    assert_eq!(tus.head(&begun).await.status(), 404);
    assert_eq!(tus.offset(&whole).await, 5);
}

#[tokio::test]
async fn what_a_killed_server_leaves_is_swept_and_its_uploads_go_on() {
    let mut server = Server::start(&[]).await;
    let data = server.uploads().to_owned();
    let tus = client(&server);
    let mut patches = Vec::new();
    let mut urls = Vec::new();
    for _ in 0..4 {
        let url = tus.create(11).await;
        let (tus, body) = (tus.clone(), crate::showing::hanging("hello"));
        let patch = crate::harness::tus::patch(&url, 0)
            .header("Upload-Checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
        urls.push(url);
        patches.push(tokio::spawn(async move {
            tus.try_send(patch.body(body).unwrap()).await
        }));
    }
    crate::harness::patient(async {
        // Nothing else tells that each chunk has been marked.
        while names(&data)
            .iter()
            .filter(|it| it.ends_with(".chunk"))
            .count()
            < 4
        {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    })
    .await;
    server.signal(Signal::KILL);
    server.exit().await;
    let kept = names(&data);
    assert!(kept.iter().any(|name| name.ends_with(".lock")), "{kept:?}");

    run(home(&server), &["sweep", "-older-than=0"]).await.fine();
    let left = names(&data);
    assert!(!left.iter().any(|name| name.ends_with(".lock")), "{left:?}");
    let verified = run(home(&server), &["verify", "-older-than=0"])
        .await
        .fine();
    assert!(
        verified.out.contains("looked at 4 uploads"),
        "{}",
        verified.out
    );
    let server = Server::start_in(home(&server), &[]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    for url in urls {
        let url = format!("{}{}", tus.url, id(&url));
        assert_eq!(tus.offset(&url).await, 0);
        tus.append(&url, 0, content("hello world")).await;
    }
}

#[tokio::test]
async fn the_server_says_at_the_start_what_is_left_and_removes_it_later() {
    let mut first = Server::start(&[]).await;
    let nothing = first.line("LeftoversFound").await;
    assert!(nothing.contains("leftovers=0 bytes=0"), "{nothing}");
    write_all(first.uploads());
    let mut server = Server::start_in(home(&first), &["-expiration-scan-interval=300ms"]).await;
    let found = server.line("LeftoversFound").await;
    assert!(
        found.contains("leftovers=") && found.contains("bytes="),
        "{found}"
    );
    let removed = server.line("LeftoversRemoved").await;
    assert!(removed.contains("leftovers=5"), "{removed}");
    let left = names(server.uploads());
    assert!(
        OURS.iter().all(|name| !left.contains(&(*name).to_owned())),
        "{left:?}"
    );
    assert!(
        FOREIGN
            .iter()
            .all(|name| left.contains(&(*name).to_owned())),
        "{left:?}"
    );

    let page = Tus::new(server.url(), Version::Http1);
    let metrics = server.url().replace("/files/", "/metrics");
    let metrics = page.ask(http::Request::get(metrics)).await;
    let metrics = String::from_utf8(metrics.body().to_vec()).unwrap();
    for expected in [
        "tusd_sweep_removed{kind=\"half-made\"} 1\n",
        "tusd_sweep_removed{kind=\"orphan\"} 0\n",
        "tusd_sweep_removed_bytes{kind=\"chunk\"} 1\n",
    ] {
        assert!(metrics.contains(expected), "{expected} {metrics}");
    }
}

#[tokio::test]
async fn the_server_removes_expired_uploads_by_itself() {
    let args = ["-expiration=1s", "-expiration-scan-interval=100ms"];
    let mut server = Server::start(&args).await;
    let tus = client(&server);
    let url = tus.create(11).await;
    let removed = server.line("ExpiredUploadsRemoved").await;
    assert!(removed.contains("uploads=1"), "{removed}");
    assert_eq!(tus.head(&url).await.status(), 410);
    assert_eq!(names(server.uploads()), [""; 0]);
}

//! `tower-tusd verify`

use std::fs;

use crate::harness::tus::content;
use crate::harness::{Server, names};
use crate::leftovers::{FOREIGN, OURS, write_all};
use crate::{client, home, id, run};

#[tokio::test]
async fn a_directory_without_problems_is_fine() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = tus.create(11).await;
    tus.append(&url, 0, content("hello")).await;
    let verified = run(home(&server), &["verify"]).await.fine();
    assert_eq!(verified.out, "looked at 1 uploads, found 0 problems\n");
    let verified = run(home(&server), &["verify", "--json"]).await.fine();
    assert_eq!(verified.out, "");
}

#[tokio::test]
async fn each_leftover_is_found_with_what_a_sweep_does() {
    let server = Server::start(&[]).await;
    write_all(server.uploads());
    let all = names(server.uploads());
    let verified = run(home(&server), &["verify"]).await;
    assert_eq!((verified.code, &*verified.err), (Some(1), ""));
    let line = |name: &str| {
        let is_it = |line: &&str| line.starts_with("left ") && line.contains(&format!(" {name} ("));
        verified
            .out
            .lines()
            .find(is_it)
            .unwrap_or_else(|| panic!("{name}: {}", verified.out))
    };
    for name in OURS {
        assert!(line(name).ends_with("sweep removes it"), "{}", line(name));
    }
    for name in FOREIGN {
        assert!(line(name).contains("only -foreign"), "{}", line(name));
    }
    let verified = run(home(&server), &["verify", "-foreign", "--json"]).await;
    assert_eq!(verified.code, Some(1));
    let removed = verified
        .json()
        .into_iter()
        .filter(|it| it["action"] == "remove");
    assert_eq!(removed.count(), OURS.len() + FOREIGN.len());
    assert_eq!(names(server.uploads()), all);
}

#[tokio::test]
async fn a_damaged_upload_is_found() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let (long, torn) = (tus.create(5).await, tus.create(5).await);
    tus.append(&torn, 0, content("hel")).await;
    let data = |url: &str, end: &str| server.uploads().join(format!("{}{end}", id(url)));
    fs::write(data(&long, ""), "hello world").unwrap();
    let info = fs::read(data(&torn, ".info")).unwrap();
    fs::write(data(&torn, ".info"), &info[..info.len() / 2]).unwrap();

    let verified = run(home(&server), &["verify", "--json"]).await;
    assert_eq!(verified.code, Some(1), "{verified:?}");
    let problem = |url| {
        let objects = verified.json().into_iter();
        let mut found = objects.filter(|it| it["kind"] == "damaged" && it["id"] == id(url));
        let mut found = found.next().unwrap_or_else(|| panic!("{verified:?}"));
        found["problem"].take()
    };
    assert_eq!([problem(&long), problem(&torn)], ["too-long", "torn"]);
    let verified = run(home(&server), &["verify"]).await;
    let line = format!(
        "damaged {}: it has 11 bytes, more than its length of 5",
        id(&long)
    );
    assert!(verified.out.contains(&line), "{}", verified.out);
}

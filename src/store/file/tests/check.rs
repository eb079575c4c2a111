//! Checks of uploads.

use serde_json::json;
use tower_tus_layers::store::ListRequest;

use super::{Fixture, append_all, is_unavailable};
use crate::store::file::{FileStore, Problem};

async fn problems(files: &Fixture) -> Vec<(String, &'static str, String)> {
    let checked = files.store.check(&ListRequest::default()).await.unwrap();
    let findings = checked.findings.iter();
    let told = |it: &Problem| (it.as_str(), it.to_string());
    findings
        .map(|it| {
            let (name, text) = told(&it.problem);
            (it.id.to_string(), name, text)
        })
        .collect()
}

#[tokio::test]
async fn sound_uploads_in_all_states_have_no_problem() {
    let files = Fixture::new();
    drop(files.create("empty").await);
    append_all(&mut *files.create("sub/half").await, "hello").await;
    let mut whole = files.create("whole").await;
    append_all(&mut *whole, "helloworld").await;
    whole.finish_and_record().await.unwrap();
    files.write("deferred", "hello");
    files.write(
        "deferred.info",
        r#"{"ID":"","Size":0,"SizeIsDeferred":true}"#,
    );
    let pending = json!({"ID": "final", "Size": 3, "IsFinal": true, "TowerTus": {"Pending": true}});
    files.write("final", "left over");
    files.write("final.info", &pending.to_string());
    let before = files.everything();
    let checked = files.store.check(&ListRequest::default()).await.unwrap();
    assert!(checked.findings.is_empty(), "{:?}", checked.findings);
    assert_eq!((checked.uploads, checked.next), (5, None));
    assert_eq!(files.everything(), before);
}

#[tokio::test]
async fn each_problem_is_told() {
    let files = Fixture::new();
    let info = |id: &str, rest: &str| format!(r#"{{"ID":"{id}","Size":5{rest}}}"#);
    let cases = [
        (
            "failed",
            "hello",
            info("failed", r#","TowerTus":{"Finishing":"Failed"}"#),
        ),
        ("final", "hell", info("final", r#","IsFinal":true"#)),
        ("long", "hello!", info("long", "")),
        ("other", "hello", info("a", "")),
        (
            "short",
            "hell",
            info("short", r#","TowerTus":{"Finishing":"Done"}"#),
        ),
        ("torn", "hello", r#"{"ID":"torn","#.to_owned()),
        ("wrong", "hello", "[]".to_owned()),
    ];
    for (id, bytes, info) in &cases {
        files.write(id, bytes);
        files.write(&format!("{id}.info"), info);
    }
    files.write("gone.info", &info("gone", ""));
    let storage = r#","Storage":{"Path":"/nowhere/at/all/x","InfoPath":"/srv/unmounted.info"}"#;
    files.write("unmounted.info", &info("unmounted", storage));
    let found = problems(&files).await;
    let told: Vec<_> = found
        .iter()
        .map(|(id, name, text)| (&**id, *name, &**text))
        .collect();
    let (wrong, rest): (Vec<_>, Vec<_>) = told.into_iter().partition(|it| it.0 == "wrong");
    assert_eq!(
        rest,
        [
            ("failed", "failed", "the storage has lost bytes of it"),
            ("final", "too-short", "it is finished, but has 4 of 5 bytes"),
            ("gone", "gone", "its bytes are gone"),
            (
                "long",
                "too-long",
                "it has 6 bytes, more than its length of 5"
            ),
            ("other", "other-id", r#"its .info is that of "a""#),
            ("short", "too-short", "it is finished, but has 4 of 5 bytes"),
            ("torn", "torn", "its .info ends in the middle"),
            (
                "unmounted",
                "directory-gone",
                "the directory of its bytes is gone"
            ),
        ]
    );
    assert_eq!(wrong[0].1, "unreadable");
    assert!(wrong[0].2.contains("wrong.info"), "{wrong:?}");
}

#[tokio::test]
async fn uploads_are_checked_in_pages() {
    let files = Fixture::new();
    for id in ["a", "b", "c", "d", "e"] {
        files.write(id, "too long");
        files.write(&format!("{id}.info"), r#"{"Size":1}"#);
    }
    let (mut request, mut found) = (ListRequest::default().limit(2), Vec::new());
    loop {
        let page = files.store.check(&request).await.unwrap();
        found.push((page.uploads, page.findings.len()));
        let Some(next) = page.next else { break };
        request = request.after(next);
    }
    assert_eq!(found, [(2, 2), (2, 2), (1, 1)]);
}

#[tokio::test]
async fn a_check_of_a_directory_that_is_gone_fails() {
    let files = Fixture::new();
    let store = FileStore::new(files.path("up"));
    store.prepare().unwrap();
    std::fs::remove_dir(files.path("up")).unwrap();
    let failed = store.check(&ListRequest::default()).await;
    assert!(is_unavailable(&failed.map(drop)));
}

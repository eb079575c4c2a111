//! The output at the start.

use std::collections::BTreeSet;

use crate::program::{ALL_EVENTS, Home, Program, TowerTusd, Tusd, has_tusd};

/// Returns the lines before the ready line, without their times, as a set.
async fn lines(program: Program, args: &[&str]) -> BTreeSet<String> {
    let home = Home::new();
    let (server, _) = program.start(&home, args).await;
    let lines = server.start_lines().join("\n");
    let lines = home.plain(&lines);
    lines.lines().map(|line| in_order(&line[27..])).collect()
}

/// Sorts the list in a line, if it has one.
fn in_order(line: &str) -> String {
    let Some((what, list)) = line.split_once(": ") else {
        return line.to_owned();
    };
    let mut names: Vec<_> = list.split(',').map(str::trim).collect();
    names.sort_unstable();
    format!("{what}: {}", names.join(","))
}

/// Separates the line about extensions, which differ, from the rest.
fn extensions(mut lines: BTreeSet<String>) -> (BTreeSet<String>, BTreeSet<String>) {
    const NAMED: &str = "Supported tus extensions: ";
    let named = lines.iter().find(|line| line.starts_with(NAMED)).cloned();
    let named = named.expect("extensions are named");
    lines.remove(&named);
    let names = named[NAMED.len()..].split(',');
    (names.map(str::to_owned).collect(), lines)
}

#[tokio::test]
async fn the_same_is_told_at_the_start_but_for_what_the_page_says() {
    if !has_tusd() {
        return;
    }
    for args in [
        &[][..],
        &["-hooks-dir=hooks", ALL_EVENTS],
        &["-hooks-dir=hooks"],
        &["-hooks-http=http://127.0.0.1:1/hooks"],
        &["-hooks-grpc=127.0.0.1:1"],
        &["-max-size=1234567"],
        &["-base-path=/up/", "-upload-dir=here"],
        &["-behind-proxy", "-show-greeting=false"],
        &["-metrics-path=/numbers"],
        &["-expose-metrics=false"],
    ] {
        let (tusd, told_by_tusd) = extensions(lines(Tusd, args).await);
        let (here, mut told_here) = extensions(lines(TowerTusd, args).await);
        told_here.retain(|line| !line.contains(" never runs: "));
        if told_here.remove("Using unlimited as maximum size.") {
            told_here.insert("Using 0.00MB as maximum size.".to_owned());
        }
        assert_eq!(told_here, told_by_tusd, "{args:?}");
        let more: Vec<_> = here.difference(&tusd).map(String::as_str).collect();
        assert_eq!(more, ["checksum", "checksum-trailer"]);
        assert!(here.is_superset(&tusd), "{here:?}");
    }
}

#[tokio::test]
async fn only_here_a_hook_whose_event_is_not_enabled_is_named() {
    if !has_tusd() {
        return;
    }
    let args = ["-hooks-dir=hooks", "-hooks-enabled-events=pre-create"];
    let named = |lines: BTreeSet<String>| {
        let named = lines.iter().filter(|line| line.contains("never runs"));
        named.cloned().collect::<Vec<_>>()
    };
    let by_tusd = named(lines(Tusd, &args).await);
    assert!(by_tusd.is_empty(), "as the page says: {by_tusd:?}");
    let here = named(lines(TowerTusd, &args).await);
    // All hooks of this directory except for pre-create.
    assert_eq!(here.len(), 6, "{here:?}");
    assert!(
        here.iter().any(|line| line.contains("hooks/pre-finish ")),
        "{here:?}"
    );
}

#[tokio::test]
async fn what_is_switched_off_is_not_said_to_be_there() {
    if !has_tusd() {
        return;
    }
    let args = ["-disable-termination"];
    let (tusd, _) = extensions(lines(Tusd, &args).await);
    let (here, _) = extensions(lines(TowerTusd, &args).await);
    assert!(tusd.contains("termination"), "as the page says");
    assert!(!here.contains("termination"));
}

#[tokio::test]
async fn a_base_path_without_its_slash_is_shown_with_it() {
    if !has_tusd() {
        return;
    }
    let line = |path| format!("Using {path} as the base path.");
    let args = ["-base-path=/up"];
    assert!(
        lines(Tusd, &args).await.contains(&line("/up")),
        "as the page says"
    );
    assert!(lines(TowerTusd, &args).await.contains(&line("/up/")));
}

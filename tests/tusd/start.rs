//! What is printed at the start.

use std::collections::BTreeSet;

use crate::program::{ALL_EVENTS, Home, Program, TowerTusd, Tusd, has_tusd};

/// The lines before the ready line, and it, less their times.
async fn lines(program: Program, args: &[&str]) -> BTreeSet<String> {
    let home = Home::new();
    let (server, _) = program.start(&home, args).await;
    let lines = server.start_lines().join("\n");
    let lines = home.plain(&lines);
    let lines = lines.lines().map(|line| line[27..].to_owned());
    lines.collect()
}

#[tokio::test]
async fn the_same_is_told_at_the_start() {
    if !has_tusd() {
        return;
    }
    for args in [
        &[][..],
        &["-hooks-dir=hooks", ALL_EVENTS],
        &["-hooks-dir=hooks"],
        &["-max-size=1234567"],
        &["-disable-termination", "-base-path=/up", "-upload-dir=here"],
        &["-behind-proxy", "-show-greeting=false", "-expose-metrics=false"],
    ] {
        let tusd = lines(Tusd, args).await;
        let here = lines(TowerTusd, args).await;
        eprintln!("{args:?}\n{tusd:#?}\n{here:#?}");
    }
}

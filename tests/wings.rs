//! The modules of the server import each other in one direction only.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module, and the modules that it may import.
const WINGS: [(&str, &[&str]); 8] = [
    ("flags", &[]),
    ("error", &[]),
    ("log", &["flags"]),
    ("admin", LOW),
    ("net", LOW),
    ("pages", LOW),
    ("process", LOW),
    ("uploads", LOW),
];

const LOW: &[&str] = &["flags", "log", "error"];

fn server() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/tower-tusd")
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the sources can be read");
    let paths = entries.map(|entry| entry.expect("the sources can be read").path());
    paths.collect()
}

fn sources(path: PathBuf) -> Vec<PathBuf> {
    match path.is_dir() {
        true => entries(&path).into_iter().flat_map(sources).collect(),
        false => vec![path],
    }
}

/// Returns the code of a module without its comments, which may refer to any
/// module.
fn code(wing: &str) -> Vec<(PathBuf, String)> {
    let path = server().join(wing);
    let path = if path.is_dir() {
        path
    } else {
        path.with_extension("rs")
    };
    let text = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source is text");
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        (path, code)
    };
    sources(path).into_iter().map(text).collect()
}

/// Returns the modules that some code imports: the names after each `crate::`.
fn imports(code: &str) -> BTreeSet<String> {
    let code: String = code.split_whitespace().collect();
    let behind = code.split("crate::").skip(1);
    let paths = behind.flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => items(list),
        None => vec![rest.to_owned()],
    });
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    let names = paths.map(|path| path.split(|char| !is_name(char)).next().map(str::to_owned));
    names.flatten().collect()
}

/// Returns the items of a list in braces, without nested ones.
fn items(list: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    for char in list.chars() {
        match char {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            char if depth == 0 => items.last_mut().expect("it is never empty").push(char),
            _ => {}
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

/// Returns the imports of `code` that its module may not have.
fn forbidden(wing: &str, allowed: &[&str], code: &str) -> Vec<String> {
    let imports = imports(code).into_iter();
    let foreign = imports.filter(|name| name != wing && !allowed.contains(&name.as_str()));
    foreign.collect()
}

#[test]
fn every_file_of_the_server_is_in_a_wing() {
    let known = WINGS.map(|(wing, _)| wing);
    for path in entries(&server()) {
        let name = path.file_stem().expect("a source has a name");
        let name = name.to_str().expect("a source's name is UTF-8");
        let outside = ["main", "run"].contains(&name);
        assert!(outside || known.contains(&name), "{name} is not a wing");
    }
}

#[test]
fn no_wing_imports_a_wing_above_it_or_beside_it() {
    for (wing, allowed) in WINGS {
        let code = code(wing);
        assert!(!code.is_empty(), "{wing} is not where this test looks");
        for (path, code) in code {
            let forbidden = forbidden(wing, allowed, &code);
            let path = path.display();
            assert!(forbidden.is_empty(), "{path} imports {forbidden:?}");
        }
    }
}

#[test]
fn the_order_of_wings_has_no_circle() {
    for (place, (wing, allowed)) in WINGS.iter().enumerate() {
        for below in *allowed {
            let earlier = WINGS[..place].iter().any(|(name, _)| name == below);
            assert!(earlier, "{wing} imports {below}, which comes later");
        }
    }
}

#[test]
fn an_import_is_found_however_it_is_written() {
    for (code, expected) in [
        ("use crate::flags::Flags;", &["flags"][..]),
        ("use crate::{flags::{Flags, Host}, log};", &["flags", "log"]),
        (
            "use crate::{\n    net,\n    pages::{\n        Page,\n    },\n};",
            &["net", "pages"],
        ),
        ("let log = crate::log::Log::begin();", &["log"]),
        ("use crate::net;", &["net"]),
        ("pub(crate) use self::net::Server;", &[]),
    ] {
        let expected = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(imports(code), expected, "{code}");
    }
    assert_eq!(forbidden("net", LOW, "use crate::pages::Page;"), ["pages"]);
    assert!(forbidden("net", LOW, "use crate::net::Io;\nuse crate::flags::Host;").is_empty());
}

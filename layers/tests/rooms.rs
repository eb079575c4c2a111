//! The module structure: no layer imports another layer, and the package imports no
//! back end.

use std::fs;
use std::path::{Path, PathBuf};

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the modules that are layers: those with a `layer.rs`.
fn layers() -> Vec<String> {
    let modules = fs::read_dir(package().join("src")).expect("the sources can be read");
    let modules = modules.map(|entry| entry.expect("the sources can be read").path());
    let layers = modules.filter(|path| path.join("layer.rs").exists());
    layers.map(|path| name(&path)).collect()
}

fn name(path: &Path) -> String {
    let name = path.file_name().expect("a module has a name");
    name.to_str().expect("a module's name is UTF-8").to_owned()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the sources can be read");
    let paths = entries.map(|entry| entry.expect("the sources can be read").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Returns every line of code below `dir`, with its location. Docs may link anywhere.
fn code(dir: &Path) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for path in sources(dir) {
        let text = fs::read_to_string(&path).expect("a source is text");
        for (number, line) in text.lines().enumerate() {
            if !line.trim_start().starts_with("//") {
                lines.push((
                    format!("{}:{}", path.display(), number + 1),
                    line.to_owned(),
                ));
            }
        }
    }
    lines
}

/// Modules that contain a trait and the layer that uses it. Other layers may use the
/// trait, but never the layer.
const SHARED: [&str; 3] = ["gate", "hooks", "lock"];
const SHARED_LAYERS: [&str; 5] = [
    "GateLayer",
    "GateService",
    "HooksLayer",
    "HooksService",
    "LockLayer",
];

#[test]
fn no_layer_imports_another_layer() {
    let layers = layers();
    assert!(
        layers.len() >= 8,
        "the layers are not where this test looks: {layers:?}"
    );
    for layer in &layers {
        for (place, line) in code(&package().join("src").join(layer)) {
            let mut others = layers.iter().filter(|other| *other != layer);
            let imported = others.find(|other| {
                !SHARED.contains(&other.as_str()) && line.contains(&format!("crate::{other}::"))
            });
            assert!(
                imported.is_none(),
                "{place}: another layer is imported: {line}"
            );
            let shared = SHARED_LAYERS.iter().find(|name| line.contains(*name));
            let at_home = SHARED.contains(&layer.as_str());
            assert!(
                at_home || shared.is_none(),
                "{place}: another layer is imported: {line}"
            );
        }
    }
}

#[test]
fn the_traits_and_the_words_import_no_layer() {
    let layers = layers();
    for room in ["protocol", "store", "lock"] {
        for (place, line) in code(&package().join("src").join(room)) {
            let mut others = layers.iter().filter(|layer| *layer != room);
            let layer = others.find(|layer| line.contains(&format!("crate::{layer}::")));
            assert!(layer.is_none(), "{place}: {line}");
        }
    }
}

#[test]
fn nothing_here_depends_on_a_back_end() {
    let allowed = [
        "async-trait",
        "base64",
        "blake3",
        "bytes",
        "crc32c",
        "crc32fast",
        "getrandom",
        "headers",
        "http",
        "http-body",
        "http-body-util",
        "hyper",
        "md-5",
        "metrics",
        "percent-encoding",
        "pin-project-lite",
        "sha1",
        "sha2",
        "tokio",
        "tower-layer",
        "tower-service",
        "tracing",
    ];
    let manifest = fs::read_to_string(package().join("Cargo.toml")).expect("there is a manifest");
    let (_, rest) = manifest
        .split_once("\n[dependencies]\n")
        .expect("it has dependencies");
    let dependencies = rest.split("\n[").next().unwrap_or(rest).lines();
    for line in dependencies.filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['.', ' ', '=']).next().unwrap_or(line);
        assert!(
            allowed.contains(&name),
            "layers/Cargo.toml depends on {name}"
        );
    }
    for (place, line) in code(&package().join("src")) {
        assert!(!line.contains("tower_tus::"), "{place}: {line}");
        assert!(!line.contains("std::fs"), "{place}: {line}");
    }
}

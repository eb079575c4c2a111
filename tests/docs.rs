//! The documentation points to things that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Returns all Markdown files, without those of dependencies and build output.
fn pages(dir: &Path) -> Vec<PathBuf> {
    let foreign = ["target", "node_modules"];
    let entries = entries(dir).into_iter();
    let own = entries.filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        !name.starts_with('.') && !foreign.contains(&name)
    });
    own.flat_map(|path| match path.extension() {
        None if path.is_dir() => pages(&path),
        Some(extension) if extension == "md" => vec![path],
        _ => Vec::new(),
    })
    .collect()
}

/// Returns the text without code blocks.
fn prose(text: &str) -> String {
    let mut in_code = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !fence && !in_code
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the targets of all links that are not URLs. The targets of chapters
/// to be written are empty.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let behind = text.split("](").skip(1);
    let targets = behind.filter_map(|rest| rest.split(')').next());
    let targets = targets.filter(|target| !target.is_empty() && !target.contains("://"));
    targets.map(str::to_owned).collect()
}

/// Returns the anchors of a page's headings, as GitHub and mdBook generate
/// them.
fn anchors(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|char| char.is_alphanumeric() || [' ', '-', '_'].contains(char));
        kept.map(|char| if char == ' ' { '-' } else { char })
            .collect()
    };
    headings.map(anchor).collect()
}

/// Returns why a link of `page` is broken, if it is.
fn broken(page: &Path, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.to_owned(),
        path => page.parent().unwrap().join(path),
    };
    if !target.exists() {
        return Some(format!("{}: no {link}", page.display()));
    }
    let found = anchor.is_empty() || anchors(&read(&target)).contains(anchor);
    (!found).then(|| format!("{}: no anchor {link}", page.display()))
}

#[test]
fn every_relative_link_leads_to_a_file_and_an_anchor() {
    let pages = pages(repository());
    assert!(pages.iter().any(|page| page.ends_with("docs/flags.md")));
    let links = |page: &PathBuf| {
        let links = links(&read(page)).into_iter();
        links.filter_map(|link| broken(page, &link)).collect()
    };
    let broken: Vec<_> = pages.iter().flat_map::<Vec<_>, _>(links).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = repository().join("docs/flags.md");
    assert_eq!(
        links("[a](b.md) `code`\n```\n[c](d)\n```\n[e](https://f)"),
        ["b.md"]
    );
    for link in ["hooks.md", "hooks.md#when-a-hook-fails", "#uploads"] {
        assert_eq!(broken(&page, link), None);
    }
    for link in ["none.md", "hooks.md#none", "#none", "../none"] {
        assert!(broken(&page, link).is_some(), "{link}");
    }
}

/// A book contains only its own pages.
#[test]
fn links_in_the_book_stay_in_the_book() {
    for page in entries(&repository().join("docs")) {
        let outside: Vec<_> = links(&read(&page)).into_iter().collect();
        let outside: Vec<_> = outside.iter().filter(|link| link.contains('/')).collect();
        assert!(outside.is_empty(), "{}: {outside:?}", page.display());
    }
}

#[test]
fn the_summary_of_the_book_lists_every_page() {
    let listed: BTreeSet<_> = links(&read("docs/SUMMARY.md")).into_iter().collect();
    let pages = entries(&repository().join("docs")).into_iter();
    let names = pages.map(|page| page.file_name().unwrap().to_str().unwrap().to_owned());
    let pages: BTreeSet<_> = names.filter(|name| name != "SUMMARY.md").collect();
    assert_eq!(listed, pages, "left: docs/SUMMARY.md; right: docs");
}

/// The package of the layers cannot include a page of the book.
#[test]
fn the_page_on_uploads_says_what_the_docs_of_the_library_say() {
    let page = read("docs/uploads.md");
    assert!(page.ends_with(&read("layers/src/uploads/told.md")));
}

/// Returns the first cells of all table rows in a page.
fn first_cells(page: &str) -> String {
    let page = read(page);
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells.collect::<Vec<_>>().join("\n")
}

/// All files of a folder, one after the other.
fn read_all(dir: &str) -> String {
    let files = entries(&repository().join(dir)).into_iter();
    files.filter(|path| path.is_file()).map(read).collect()
}

/// Every name in the last cells of the tables that is one of a test.
fn named_tests(page: &str) -> Vec<String> {
    let page = read(page);
    let rows = page.lines().filter_map(|line| line.strip_suffix(" |"));
    let cells = rows.filter_map(|row| row.rsplit(" | ").next());
    let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let is_name = |name: &&str| name.contains('_') && !name.contains(':');
    quoted.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn every_row_about_other_middleware_is_run_by_a_test() {
    let beside = read_all("tests/hosts/beside");
    let sources = read_all("tests/hosts") + &beside;
    let named = named_tests("docs/middleware.md");
    assert!(named.len() > 30, "{named:?}");
    for name in &named {
        let found = sources.contains(&format!("async fn {name}()"));
        assert!(found, "{name} is no test");
    }
    let tests = beside.split("#[tokio::test]\nasync fn ").skip(1);
    for name in tests.filter_map(|test| test.split('(').next()) {
        let shown = named.iter().any(|named| named == name);
        assert!(shown, "{name} is in no row");
    }
}

#[test]
fn every_promise_about_the_disk_is_proven_by_a_test() {
    let places = ["src/store/file/tests", "src/faulty_disk", "tests/disk"];
    let sources: String = places.map(read_all).concat();
    let named = named_tests("docs/durability.md");
    assert!(named.len() > 15, "{named:?}");
    for name in &named {
        // Some are made by a macro.
        let forms = [format!("fn {name}("), format!("    {name}: ")];
        let found = forms.iter().any(|form| sources.contains(form));
        assert!(found, "{name} is no test");
    }
}

#[test]
fn contributing_explains_every_test_binary() {
    let explained = first_cells("CONTRIBUTING.md");
    for dir in ["tests", "layers/tests"] {
        let paths = entries(&repository().join(dir)).into_iter();
        let binaries = paths.filter(|path| match path.extension() {
            Some(extension) => extension == "rs",
            None => path.join("main.rs").exists(),
        });
        for path in binaries {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let found = explained.contains(&format!("`{name}`"));
            assert!(found, "{dir}/{name} has no row in CONTRIBUTING.md");
        }
    }
}

#[test]
fn architecture_explains_every_layer() {
    let explained = first_cells("ARCHITECTURE.md").replace('`', "");
    let explained: BTreeSet<_> = explained.split([',', '\n']).map(str::trim).collect();
    let modules = entries(&repository().join("layers/src")).into_iter();
    let layers = modules.filter(|path| path.join("layer.rs").exists());
    // It wraps foreign layers, and has no fixed place.
    let layers = layers.filter(|path| !path.ends_with("into_body"));
    let names: Vec<_> = layers.map(|path| camel_case(&path)).collect();
    assert!(names.len() > 15, "the layers are elsewhere: {names:?}");
    for name in names {
        assert!(explained.contains(&*name), "{name} has no row");
    }
}

#[test]
fn the_readme_explains_every_feature() {
    let manifest = read("Cargo.toml");
    let (_, features) = manifest.split_once("\n[features]\n").unwrap();
    let features = features.split("\n[").next().unwrap().lines();
    let names = features.filter_map(|line| line.split_once(" = ["));
    let readme = read("README.md");
    let (_, readme) = readme.split_once("\n### Features\n").unwrap();
    let readme = readme.split("\n#").next().unwrap();
    // Those with an underscore are not for users.
    let is_for_users = |name: &str| name != "default" && !name.starts_with('_');
    for (name, _) in names.filter(|(name, _)| is_for_users(name)) {
        assert!(readme.contains(&format!("`{name}`")), "{name} is missing");
    }
}

/// Converts the name of a module to the name of its layer.
fn camel_case(module: &Path) -> String {
    let name = module.file_name().unwrap().to_str().unwrap();
    let words = name.split('_');
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    words.map(capital).collect()
}

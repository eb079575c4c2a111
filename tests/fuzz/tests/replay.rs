//! Every input of every corpus keeps the promises of its target.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Once;

use tower_tus_fuzz::{TARGETS, Target};

/// Where `cargo fuzz` keeps what belongs to the targets.
fn fuzz(place: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz")
        .join(place)
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries
        .map(|entry| entry.expect("it can be read").path())
        .collect()
}

/// Returns the names of the files in a directory, without their extensions.
fn names(place: &str) -> BTreeSet<String> {
    let paths = entries(&fuzz(place)).into_iter();
    let names = paths.map(|path| path.file_stem().expect("it has a name").to_owned());
    names
        .map(|name| name.into_string().expect("it is text"))
        .collect()
}

fn replay(name: &str) {
    count_panics();
    let (_, target) = TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("it is a target");
    let inputs = entries(&fuzz("corpus").join(name));
    assert!(!inputs.is_empty(), "the corpus of {name} is empty");
    let broken: Vec<_> = inputs
        .iter()
        .filter(|input| !is_kept(*target, input))
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

fn is_kept(target: Target, input: &Path) -> bool {
    let bytes = fs::read(input).expect("an input can be read");
    PANICS.set(0);
    catch_unwind(|| target(&bytes)).is_ok() && PANICS.get() == 0
}

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Counts all panics on a thread. One in a task, which is the server's, would go
/// unnoticed.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            PANICS.set(PANICS.get() + 1);
            print(panic);
        }));
    });
}

macro_rules! replays {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_has_a_corpus_a_program_and_a_test() {
            let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
            let tests = [$(stringify!($name)),*].map(str::to_owned);
            assert_eq!(targets, BTreeSet::from(tests));
            assert_eq!(targets, names("corpus"));
            assert_eq!(targets, names("fuzz_targets"));
        }
    };
}

replays!(
    checksum, concat, forwarded, hook_reply, http1, http2, info, metadata, range
);

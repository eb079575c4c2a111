//! The README and the examples in `examples/operate`, run as documented.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod curl;
mod entrypoint;
mod proxies;
mod proxy;
mod readme;
mod unit;

use std::path::{Path, PathBuf};

fn example(file: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/operate");
    examples.join(file)
}

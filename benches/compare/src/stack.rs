//! The stack of layers alone, which has a benchmark of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;

/// Runs `cargo bench --bench stack`, and returns what it prints.
pub(crate) fn run() -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .args(["bench", "--quiet", "--package=tower-tus", "--bench=stack"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo bench --bench stack: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

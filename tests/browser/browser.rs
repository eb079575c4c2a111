//! The browsers, driven by puppeteer-core.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::services::{has, require};

/// Time limit for a browser to start and to upload, on a busy machine.
const VISIT_SECONDS: u64 = 90;

/// Additional time for the driver to kill a hanging browser.
const KILL_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Browser {
    Chromium,
    Firefox,
}

pub(crate) const BROWSERS: [Browser; 2] = [Browser::Chromium, Browser::Firefox];

impl Browser {
    /// Whether the browser and its driver are installed.
    pub(crate) async fn is_installed(self) -> bool {
        let name = self.name();
        let modules = in_repository("tests/clients/node_modules");
        let driver = ["puppeteer-core/package.json", "tus-js-client/package.json"]
            .iter()
            .all(|file| modules.join(file).is_file())
            && has("node").await;
        let install = "npm install --prefix tests/clients (with Node.js 18 or newer)";
        require(
            name,
            self.program().is_some(),
            &format!("apt-get install {name}"),
        ) && require("puppeteer-core with tus-js-client", driver, install)
    }

    /// Opens `page`, runs the function of `tests/browser/<module>` in it with
    /// `argument`, and returns its result.
    pub(crate) async fn run(self, page: &str, module: &str, argument: &str) -> Value {
        let profile = TempDir::new().unwrap();
        let mut driver = Command::new("node");
        driver
            .arg(in_repository("tests/clients/browse.mjs"))
            .arg(self.kind())
            .arg(self.program().expect("it is installed"))
            .arg(profile.path())
            .arg(VISIT_SECONDS.to_string())
            .arg(page)
            .arg(in_repository("tests/browser").join(module))
            .arg(argument)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let limit = Duration::from_secs(VISIT_SECONDS) + KILL_TIMEOUT;
        let output = timeout(limit, driver.output()).await;
        let output = output.expect("the driver hangs").unwrap();
        assert!(output.status.success(), "{self:?} has failed, see above");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The name of the program and of the Debian package.
    fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox-esr",
        }
    }

    /// The name in puppeteer-core.
    fn kind(self) -> &'static str {
        match self {
            Self::Chromium => "chrome",
            Self::Firefox => "firefox",
        }
    }

    fn program(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|directory| directory.join(self.name()))
            .find(|program| program.is_file())
    }
}

/// The content that the pages upload: no two words are the same.
pub(crate) fn content(size: u32) -> Vec<u8> {
    let words = (0..size / 4).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes());
    words.collect()
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

//! How far a command is, on stderr if that is a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// What takes less shows no progress.
const LONG: Duration = Duration::from_secs(1);

/// Counts, and shows the count once it takes long.
#[derive(Debug)]
pub(super) struct Progress {
    begun: Instant,
    count: u64,
    bar: Option<ProgressBar>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            count: 0,
            bar: None,
        }
    }
}

impl Progress {
    pub(super) fn add(&mut self, more: u64) {
        self.count += more;
        if self.bar.is_none() && self.begun.elapsed() >= LONG {
            self.bar = Some(bar());
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.count);
        }
    }

    /// Takes the progress from the terminal while `print` runs.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Shows nothing if stderr is no terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} looked at, {elapsed}");
    let style = style.expect("the template is valid");
    ProgressBar::new_spinner().with_style(style)
}

//! Lines outside the log.

use std::fmt::Arguments;
use std::io::{self, Write};

/// Prints a line to stdout. `println!` would panic where nobody reads it.
pub(crate) fn say(line: Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line to stderr, after the program's name.
pub(crate) fn complain(line: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "tower-tusd: {line}");
}

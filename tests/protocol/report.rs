//! The final table: the result of each statement for each server.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::Mutex;

use crate::harness::tus::Version;
use crate::statements::{Level, STATEMENTS};

/// The result of a check, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// The server does not offer what the check requires.
    NotApplicable,
    Pass,
    /// The protocol leaves the point open, and the server decided differently.
    DecidedOtherwise,
    Fail,
}

/// A server, by its position and name, and an HTTP version.
pub(crate) type Column = (usize, &'static str, Version);

#[derive(Default)]
pub(crate) struct Report(Mutex<BTreeMap<&'static str, BTreeMap<Key, Verdict>>>);

/// A column in sortable form.
type Key = (usize, &'static str, &'static str);

impl Report {
    /// Adds a result. An id has the worst result of its checks.
    pub(crate) fn add(&self, id: &'static str, (place, name, version): Column, verdict: Verdict) {
        let mut rows = self.0.lock().unwrap();
        let row = rows.entry(id).or_default();
        let cell = row.entry((place, name, short(version))).or_insert(verdict);
        *cell = verdict.max(*cell);
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.0.lock().unwrap();
        let mut columns: Vec<_> = rows.values().flat_map(BTreeMap::keys).copied().collect();
        columns.sort_unstable();
        columns.dedup();

        write_row(f, ["", ""], columns.iter().map(|column| name(column)), "")?;
        write_row(f, ["", ""], columns.iter().map(|column| column.2), "")?;
        for statement in STATEMENTS {
            let Some(row) = rows.get(statement.id) else {
                continue;
            };
            let cells = columns.iter().map(|key| row.get(key).map_or("", word));
            write_row(
                f,
                [statement.id, level(statement.level)],
                cells,
                statement.text,
            )?;
        }
        writeln!(f)?;
        for verdict in [
            Verdict::Pass,
            Verdict::Fail,
            Verdict::NotApplicable,
            Verdict::DecidedOtherwise,
        ] {
            let count = |key| {
                rows.values()
                    .filter(|row| row.get(key) == Some(&verdict))
                    .count()
            };
            let counts: Vec<_> = columns.iter().map(|key| count(key).to_string()).collect();
            if verdict == Verdict::Pass || counts.iter().any(|count| count != "0") {
                write_row(
                    f,
                    [word(&verdict), ""],
                    counts.iter().map(String::as_str),
                    meaning(verdict),
                )?;
            }
        }
        Ok(())
    }
}

fn write_row<'a>(
    f: &mut fmt::Formatter<'_>,
    [id, level]: [&str; 2],
    cells: impl Iterator<Item = &'a str>,
    text: &str,
) -> fmt::Result {
    let cells: String = cells.map(|cell| format!("{cell:7}")).collect();
    writeln!(f, "{}", format!("{id:9}{level:9}{cells}{text}").trim_end())
}

/// Returns the name of a server, for its first column only.
fn name(&(_, name, version): &Key) -> &'static str {
    if version == short(Version::Http1) {
        name
    } else {
        ""
    }
}

fn short(version: Version) -> &'static str {
    match version {
        Version::Http1 => "h1",
        Version::Http2 => "h2",
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
        Level::May => "MAY",
        Level::Implied => "implied",
        Level::Open => "open",
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "n/a",
        Verdict::Pass => "pass",
        Verdict::DecidedOtherwise => "other",
        Verdict::Fail => "FAIL",
    }
}

fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "",
        Verdict::Fail => "the output above tells why",
        Verdict::NotApplicable => "the server does not offer what it is about",
        Verdict::DecidedOtherwise => "the protocol leaves it open, and it is decided otherwise",
    }
}

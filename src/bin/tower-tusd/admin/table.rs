//! A list of uploads for people.

use std::time::SystemTime;

use tower_tus::layers::protocol::Upload;
use unicode_width::UnicodeWidthStr;

use super::output::{Output, Stop};
use super::text::{age, fit, printable, size};

/// Filenames get this many columns, even if the terminal then wraps the line.
const NARROWEST: usize = 8;

/// A table that is printed as it grows. Its columns become wider if they have to.
#[derive(Debug)]
pub(super) struct Table {
    widths: [usize; COLUMNS],
    now: SystemTime,
    begun: bool,
}

/// The columns before the last one, which has no width of its own.
const COLUMNS: usize = 4;
const HEAD: [&str; COLUMNS] = ["ID", "STATE", "SIZE", "ACTIVE"];
const LAST: &str = "FILENAME";

struct Row {
    cells: [String; COLUMNS],
    filename: String,
}

impl Table {
    pub(super) fn new(now: SystemTime) -> Self {
        Self {
            // A random id, `receiving`, `12.0M/50.0M` and `12d`.
            widths: [32, 9, 11, 6],
            now,
            begun: false,
        }
    }

    /// Prints rows, which are as wide as they have to be for all of them.
    pub(super) fn rows<'a>(
        &mut self,
        uploads: impl IntoIterator<Item = (&'a Upload, &'static str)>,
        output: &mut Output,
    ) -> Result<(), Stop> {
        let uploads = uploads.into_iter();
        let rows: Vec<_> = uploads.map(|(it, state)| self.row(it, state)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(&row.cells) {
                *width = cell.width().max(*width);
            }
        }
        if !self.begun {
            self.begun = true;
            self.print(&HEAD, LAST, output)?;
        }
        for row in &rows {
            let cells = row.cells.each_ref().map(String::as_str);
            self.print(&cells, &row.filename, output)?;
        }
        Ok(())
    }

    fn row(&self, upload: &Upload, state: &str) -> Row {
        let active = upload.last_activity();
        let filename = upload.metadata.filename().unwrap_or_default();
        Row {
            cells: [
                upload.id.to_string(),
                state.to_owned(),
                stored(upload),
                active.map_or_else(|| "-".to_owned(), |then| age(then, self.now)),
            ],
            filename: printable(filename),
        }
    }

    fn print(&self, cells: &[&str], filename: &str, output: &mut Output) -> Result<(), Stop> {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(self.widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
        }
        match output.width() {
            Some(width) => {
                let left = width.saturating_sub(line.width());
                line.push_str(&fit(filename, left.max(NARROWEST)));
            }
            None => line.push_str(filename),
        }
        output.line(line.trim_end())
    }
}

/// The size of a complete upload, or what there is of how much.
fn stored(upload: &Upload) -> String {
    let offset = size(upload.offset.get());
    match upload.length {
        Some(_) if upload.is_complete() => offset,
        Some(length) => format!("{offset}/{}", size(length.get())),
        None => format!("{offset}/?"),
    }
}

//! `tower-tusd ls`

use std::time::SystemTime;

use tower_tus::layers::protocol::Upload;
use tower_tus::layers::store::{ListRequest, Page};

use super::json::{UnreadableLine, UploadLine};
use super::output::{Output, Stop, reason};
use super::table::Table;
use super::{End, Site};
use crate::flags::LsFlags;

/// Maximum number of uploads in memory.
const PAGE: usize = 1_000;

/// Lists uploads, page by page.
pub(super) async fn run(flags: &LsFlags, site: &Site, output: &mut Output) -> Result<End, Stop> {
    let mut listing = Listing {
        flags,
        site,
        table: Table::new(SystemTime::now()),
        left: match flags.limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        },
        end: End::Fine,
    };
    let mut request = ListRequest::default().prefix(&flags.prefix);
    request.after.clone_from(&flags.after);
    loop {
        request.limit = PAGE.min(listing.left);
        let page = site.uploads.list(&request).await;
        let page = page.map_err(|error| Stop::failed("cannot list the uploads", &error))?;
        listing.print(&page, output)?;
        let Some(next) = page.next.filter(|_| listing.left > 0) else {
            return Ok(listing.end);
        };
        request = request.after(next);
    }
}

struct Listing<'a> {
    flags: &'a LsFlags,
    site: &'a Site,
    table: Table,
    /// How many may still be printed.
    left: usize,
    end: End,
}

impl Listing<'_> {
    fn print(&mut self, page: &Page, output: &mut Output) -> Result<(), Stop> {
        let asked = |it: &&Upload| !self.flags.unfinished || !it.is_finished();
        let uploads: Vec<_> = page.uploads.iter().filter(asked).take(self.left).collect();
        self.left -= uploads.len();
        let handle = &self.site.uploads;
        if self.flags.json {
            for upload in uploads {
                let (state, expires) = (handle.state(upload), handle.expires(upload));
                output.json(&UploadLine::new(upload, state.as_str(), expires))?;
            }
        } else {
            let rows = uploads.into_iter();
            let rows = rows.map(|upload| (upload, handle.state(upload).as_str()));
            self.table.rows(rows, output)?;
            if output.width().is_none() {
                output.looked_at(page.uploads.len() as u64);
            }
        }
        self.unreadable(page, output)
    }

    fn unreadable(&mut self, page: &Page, output: &mut Output) -> Result<(), Stop> {
        for (id, error) in &page.unreadable {
            self.end.mark_incomplete();
            if self.flags.json {
                output.json(&UnreadableLine::new(id, error))?;
            } else {
                output.complain(format_args!("{id}: {}", reason(error)));
            }
        }
        Ok(())
    }
}

//! `tower-tusd sweep`

use std::future::ready;
use std::pin::pin;

use serde::Serialize;
use tower_tus::layers::expiration::Expiration;
use tower_tus::layers::protocol::Upload;
use tower_tus::layers::store::{Leftover, ListRequest};
use tower_tus::layers::sweep::{Fate, Reason, SweepReport};
use tower_tus::layers::uploads::{UploadEvent, UploadState};

use super::leftovers::{LeftoverLine, describe, options, why};
use super::output::{Output, Stop, reason};
use super::text::amount;
use super::{End, Site};
use crate::flags::SweepFlags;

/// Removes expired uploads if they expire, and then leftovers.
pub(super) async fn run(flags: &SweepFlags, site: &Site, output: &mut Output) -> Result<End, Stop> {
    let mut sweep = Sweep::new(flags, output);
    if let Some(expiration) = &site.expiration {
        match flags.dry_run {
            true => sweep.would_expire(site, expiration).await?,
            false => sweep.expire(site).await?,
        }
    }
    sweep.leftovers(site).await?;
    sweep.end()
}

/// A sweep that goes on when nobody reads any more what it prints.
struct Sweep<'a> {
    flags: &'a SweepFlags,
    output: &'a mut Output,
    printed: Result<(), Stop>,
    end: End,
    uploads: (u64, u64),
    report: SweepReport,
}

/// An expired upload as JSON. `docs/administration.md` describes the members.
#[derive(Serialize)]
struct ExpiredLine<'a> {
    name: &'a str,
    kind: &'static str,
    id: &'a str,
    bytes: u64,
    action: &'static str,
}

impl<'a> Sweep<'a> {
    fn new(flags: &'a SweepFlags, output: &'a mut Output) -> Self {
        Self {
            flags,
            output,
            printed: Ok(()),
            end: End::Fine,
            uploads: (0, 0),
            report: SweepReport::default(),
        }
    }

    const fn action(&self) -> &'static str {
        match self.flags.dry_run {
            true => "would remove",
            false => "removed",
        }
    }

    fn print(&mut self, print: impl FnOnce(&mut Output) -> Result<(), Stop>) {
        if self.printed.is_ok() {
            self.printed = print(self.output);
        }
    }

    async fn expire(&mut self, site: &Site) -> Result<(), Stop> {
        let mut events = site.uploads.events();
        let mut expiring = pin!(site.uploads.expire());
        let expired = loop {
            tokio::select! {
                biased;
                Some(event) = events.next() => self.event(&event),
                expired = &mut expiring => break expired,
            }
        };
        while let Some(event) = tokio::select! {
            biased;
            event = events.next() => event,
            () = ready(()) => None,
        } {
            self.event(&event);
        }
        let expired = expired.map_err(|error| Stop::failed("cannot expire uploads", &error))?;
        if expired.failed > 0 {
            self.end.mark_incomplete();
        }
        self.uploads = (expired.expired, expired.bytes);
        Ok(())
    }

    fn event(&mut self, event: &UploadEvent) {
        self.output.looked_at(1);
        if let UploadEvent::Expired(upload) = event {
            self.expired(upload);
        }
    }

    async fn would_expire(&mut self, site: &Site, expiration: &Expiration) -> Result<(), Stop> {
        let mut request = ListRequest::default();
        loop {
            let page = site.uploads.list(&request).await;
            let page = page.map_err(|error| Stop::failed("cannot list the uploads", &error))?;
            self.output.looked_at(page.uploads.len() as u64);
            for upload in &page.uploads {
                if site.uploads.state(upload) != UploadState::Expired {
                    continue;
                }
                match expiration.has_expired(&*site.store, upload).await {
                    Ok(true) => {
                        self.uploads.0 += 1;
                        self.uploads.1 += upload.offset.get();
                        self.expired(upload);
                    }
                    Ok(false) => {}
                    Err(error) => self.fail(upload.id.as_str(), &reason(&error)),
                }
            }
            let Some(next) = page.next else { return Ok(()) };
            request = request.after(next);
        }
    }

    fn expired(&mut self, upload: &Upload) {
        let (json, action) = (self.flags.json, self.action());
        let (id, bytes) = (upload.id.as_str(), upload.offset.get());
        self.print(|output| match json {
            true => output.json(&ExpiredLine {
                name: id,
                kind: "expired",
                id,
                bytes,
                action,
            }),
            false => output.line(format_args!(
                "{action} {:<10} {id} ({})",
                "expired",
                amount(bytes)
            )),
        });
    }

    async fn leftovers(&mut self, site: &Site) -> Result<(), Stop> {
        let mut options = options(&self.flags.selection);
        if self.flags.dry_run {
            options = options.dry_run();
        }
        let each = |leftover: &Leftover, fate: &Fate| self.leftover(leftover, fate);
        let report = site.sweeper().sweep_each(&options, each).await;
        self.report = report.map_err(|error| Stop::failed("cannot look for leftovers", &error))?;
        Ok(())
    }

    fn leftover(&mut self, leftover: &Leftover, fate: &Fate) {
        self.output.looked_at(1);
        let action = self.action();
        if self.flags.json {
            self.print(|output| output.json(&LeftoverLine::new(leftover, fate, action)));
        }
        match fate {
            Fate::Removed { .. } if !self.flags.json => {
                self.print(|output| output.line(describe(leftover, action)));
            }
            Fate::Failed(error) => self.fail(&leftover.name, &reason(error)),
            _ => {}
        }
    }

    fn fail(&mut self, name: &str, reason: &str) {
        self.end.mark_incomplete();
        self.output.complain(format_args!("{name}: {reason}"));
    }

    fn end(mut self) -> Result<End, Stop> {
        if !self.flags.json {
            self.sum_up();
        }
        self.printed.map(|()| self.end)
    }

    fn sum_up(&mut self) {
        let (leftovers, action) = (self.report.total(), self.action());
        let (expired, bytes) = self.uploads;
        let bytes = amount(bytes.saturating_add(leftovers.bytes));
        let summary = format!(
            "{action} {expired} expired uploads and {} leftovers ({bytes})",
            leftovers.count
        );
        self.print(|output| output.line(summary));
        for reason in [Reason::Foreign, Reason::Young, Reason::Held] {
            let kept = self.report.kept.iter();
            let kept = kept.filter(|((_, kept), _)| *kept == reason);
            let kept: u64 = kept.map(|(_, tally)| tally.count).sum();
            if kept > 0 {
                let line = format!("kept {kept}: {}", why(reason));
                self.print(|output| output.line(line));
            }
        }
    }
}

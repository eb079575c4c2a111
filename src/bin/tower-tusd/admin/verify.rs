//! `tower-tusd verify`

use serde::Serialize;
use tower_tus::layers::store::{Leftover, ListRequest};
use tower_tus::layers::sweep::{Fate, Reason};
use tower_tus::store::object::Finding;

use super::leftovers::{LeftoverLine, describe, options, why};
use super::output::{Output, Stop, reason};
use super::{End, Site};
use crate::flags::VerifyFlags;

/// Looks at every upload, and then at everything that belongs to none.
pub(super) async fn run(
    flags: &VerifyFlags,
    site: &Site,
    output: &mut Output,
) -> Result<End, Stop> {
    let mut verify = Verify {
        flags,
        output,
        uploads: 0,
        findings: 0,
    };
    verify.uploads(site).await?;
    verify.leftovers(site).await?;
    verify.end()
}

struct Verify<'a> {
    flags: &'a VerifyFlags,
    output: &'a mut Output,
    uploads: u64,
    findings: u64,
}

/// A damaged upload as JSON. `docs/administration.md` describes the members.
#[derive(Serialize)]
struct DamageLine<'a> {
    id: &'a str,
    kind: &'static str,
    problem: &'static str,
    detail: String,
    action: &'static str,
}

impl Verify<'_> {
    async fn uploads(&mut self, site: &Site) -> Result<(), Stop> {
        let mut request = ListRequest::default();
        loop {
            let page = site.audit.check(&request).await;
            let page = page.map_err(|error| Stop::failed("cannot check the uploads", &error))?;
            self.uploads += page.uploads;
            self.output.looked_at(page.uploads);
            for finding in &page.findings {
                self.damage(finding)?;
            }
            let Some(next) = page.next else { return Ok(()) };
            request = request.after(next);
        }
    }

    fn damage(&mut self, finding: &Finding) -> Result<(), Stop> {
        self.findings += 1;
        let (id, problem) = (finding.id.as_str(), &finding.problem);
        match self.flags.json {
            true => self.output.json(&DamageLine {
                id,
                kind: "damaged",
                problem: problem.as_str(),
                detail: problem.to_string(),
                action: "keep",
            }),
            false => self.output.line(format_args!("damaged {id}: {problem}")),
        }
    }

    async fn leftovers(&mut self, site: &Site) -> Result<(), Stop> {
        let options = options(&self.flags.selection).dry_run();
        let mut printed = Ok(());
        let each = |leftover: &Leftover, fate: &Fate| {
            if printed.is_ok() {
                printed = self.leftover(leftover, fate);
            }
        };
        let report = site.sweeper().sweep_each(&options, each).await;
        report.map_err(|error| Stop::failed("cannot look for leftovers", &error))?;
        printed
    }

    fn leftover(&mut self, leftover: &Leftover, fate: &Fate) -> Result<(), Stop> {
        self.output.looked_at(1);
        // Some request is at work.
        if matches!(fate, Fate::Kept(Reason::Held | Reason::Changed)) {
            return Ok(());
        }
        self.findings += 1;
        if self.flags.json {
            let line = LeftoverLine::new(leftover, fate, "remove");
            return self.output.json(&line);
        }
        let action = match fate {
            Fate::Kept(reason) => format!("sweep keeps it: {}", why(*reason)),
            Fate::Failed(error) => reason(error),
            _ => "sweep removes it".to_owned(),
        };
        let leftover = describe(leftover, "left");
        self.output.line(format_args!("{leftover}: {action}"))
    }

    fn end(self) -> Result<End, Stop> {
        let (uploads, findings) = (self.uploads, self.findings);
        if !self.flags.json {
            let summary = format!("looked at {uploads} uploads, found {findings} problems");
            self.output.line(summary)?;
        }
        Ok(match findings {
            0 => End::Fine,
            _ => End::Incomplete,
        })
    }
}

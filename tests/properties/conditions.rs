//! What the servers of a case are told, in terms of the model.

use std::time::SystemTime;

use crate::actions::{self, Form, Ground, Judges};
use crate::model::{Conditions, CountsFrom, Expiry, Quota, Stamps, Verdict, Whether};
use crate::world;

impl Conditions {
    pub(crate) fn new(form: Form) -> Self {
        let counts_from = match form.expiry {
            actions::Expiry::Never => None,
            actions::Expiry::AfterLastActivity => Some(CountsFrom::LastActivity),
            actions::Expiry::AfterCreation => Some(CountsFrom::Creation),
        };
        Self {
            create: Verdict::Agrees,
            finish: Verdict::Agrees,
            terminate: Verdict::Agrees,
            decides: form.judges == Judges::Present,
            part_size: (form.ground == Ground::Bucket).then_some(5 << 20),
            is_apart: false,
            asks_by_itself: form.judges == Judges::Present
                && matches!(form.ground, Ground::Processes | Ground::Bucket),
            attempts: world::ATTEMPTS,
            expiry: counts_from.map(|counts_from| Expiry {
                start: SystemTime::now(),
                now: 0,
                after: world::HOURS,
                counts_from,
                stamps: match form.ground {
                    Ground::Memory => Stamps::Clock,
                    Ground::Files => Stamps::System,
                    Ground::Processes | Ground::Bucket => Stamps::SetBack,
                },
            }),
            quota: quota(form),
            is_needed: Whether::No,
            is_buried: Whether::No,
        }
    }
}

fn quota(form: Form) -> Option<Quota> {
    let (total, per_owner) = world::limits(form.evicts);
    Some(Quota {
        total,
        per_owner: match form.quota {
            actions::Quota::Unlimited => return None,
            actions::Quota::Total => None,
            actions::Quota::PerOwner => Some(per_owner),
        },
        evicts: form.evicts,
        limits: Vec::new(),
    })
}

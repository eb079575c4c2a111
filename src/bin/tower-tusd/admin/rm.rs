//! `tower-tusd rm`

use super::output::{Output, Stop, reason};
use super::text::amount;
use super::{End, Site};
use crate::flags::RmFlags;

/// Removes one upload after another, as DELETE does. One that cannot be removed does
/// not keep the others.
pub(super) async fn run(flags: &RmFlags, site: &Site, output: &mut Output) -> Result<End, Stop> {
    let (mut end, mut printed) = (End::Fine, Ok(()));
    for id in &flags.ids {
        match site.uploads.remove(id).await {
            Ok(upload) => {
                let bytes = amount(upload.offset.get());
                printed = printed.and(output.line(format_args!("removed {id} ({bytes})")));
            }
            Err(error) => {
                end.mark_incomplete();
                output.complain(format_args!("{id}: {}", reason(&error)));
            }
        }
    }
    printed.map(|()| end)
}

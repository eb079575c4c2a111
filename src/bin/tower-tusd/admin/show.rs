//! `tower-tusd show`

use std::time::SystemTime;

use tower_tus::layers::protocol::{Upload, UploadId};
use tower_tus::layers::uploads::Shown;

use super::json::UploadLine;
use super::output::{Output, Stop, reason};
use super::text::{amount, local, printable};
use super::{End, Site};
use crate::flags::ShowFlags;

/// Shows one upload after another.
pub(super) async fn run(flags: &ShowFlags, site: &Site, output: &mut Output) -> Result<End, Stop> {
    let mut end = End::Fine;
    for (place, id) in flags.ids.iter().enumerate() {
        match site.uploads.show(id).await {
            Ok(shown) if flags.json => output.json(&line(&shown))?,
            Ok(shown) => {
                if place > 0 {
                    output.line("")?;
                }
                print(&shown, output)?;
            }
            Err(error) => {
                end.mark_incomplete();
                output.complain(format_args!("{id}: {}", reason(&error)));
            }
        }
    }
    Ok(end)
}

fn line(shown: &Shown) -> UploadLine<'_> {
    let state = shown.state.as_str();
    UploadLine::new(&shown.upload, state, shown.expires).held(shown.is_held)
}

fn print(shown: &Shown, output: &mut Output) -> Result<(), Stop> {
    let upload = &shown.upload;
    let bytes = |bytes: u64| match bytes {
        0..1024 => amount(bytes),
        _ => format!("{bytes} bytes ({})", amount(bytes)),
    };
    let time = |time: Option<SystemTime>| time.map(local);
    let length = upload.length.map(|length| bytes(length.get()));
    let held = if shown.is_held { "by a request" } else { "no" };
    let rows = [
        ("id", Some(upload.id.to_string())),
        ("state", Some(shown.state.to_string())),
        ("offset", Some(bytes(upload.offset.get()))),
        (
            "length",
            Some(length.unwrap_or_else(|| "deferred".to_owned())),
        ),
        ("created", time(upload.created)),
        ("active", time(upload.last_activity())),
        ("expires", time(shown.expires)),
        ("held", Some(held.to_owned())),
        ("part of", part_of(upload)),
        ("parts", parts(upload)),
        (
            "path",
            upload.path().map(|path| printable(&path.to_string_lossy())),
        ),
    ];
    for (key, value) in rows {
        if let Some(value) = value {
            output.line(format_args!("{key:<9}{value}"))?;
        }
    }
    for (key, value) in upload.metadata.iter() {
        let (key, value) = (printable(key), printable(&String::from_utf8_lossy(value)));
        output.line(format_args!("metadata {key}: {value}"))?;
    }
    Ok(())
}

/// The finals that wait for a partial.
fn part_of(upload: &Upload) -> Option<String> {
    let concat = upload.concat.as_ref().filter(|concat| !concat.is_final())?;
    Some(match concat.awaited_by() {
        [] => "any final upload".to_owned(),
        finals => ids(finals),
    })
}

fn parts(upload: &Upload) -> Option<String> {
    let concat = upload.concat.as_ref().filter(|concat| concat.is_final())?;
    Some(ids(concat.parts()))
}

fn ids(ids: &[UploadId]) -> String {
    let ids: Vec<_> = ids.iter().map(UploadId::as_str).collect();
    ids.join(" ")
}

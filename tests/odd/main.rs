//! Invalid and unusual requests: each gets its expected status, and none causes
//! a panic, a crash, or a misplaced file.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod scene;
mod table;
mod wire;

use http::Response;
use scene::{Scene, Standing};
use table::{By, Group, Over, TABLE};
use wire::Wire;

/// Sends all requests of the table that this connection can carry.
async fn send_all(wire: Wire) {
    let mut scene = Scene::set().await;
    let mut wrong = Vec::new();
    let mut sent = 0;
    for group in TABLE {
        if !matches!(
            (group.over, wire),
            (Over::Both, _) | (Over::Http1, Wire::Http1) | (Over::Http2, Wire::Http2)
        ) {
            continue;
        }
        for (status, row) in group.rows {
            sent += 1;
            if let Err(how) = send(&mut scene, wire, group, *status, row).await {
                let row = row.escape_default();
                wrong.push(format!("{}: \"{row:.100}\" ({status}): {how}", group.what));
            }
        }
    }
    wrong.extend(scene.clear().await);
    assert!(
        wrong.is_empty(),
        "{} of {sent} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

async fn send(
    scene: &mut Scene,
    wire: Wire,
    group: &Group,
    status: u16,
    row: &str,
) -> Result<(), String> {
    let (request, upload) = scene.request(&group.frame.replace("{}", row)).await;
    let before = scene.stands(upload.as_deref()).await;
    let Some(answer) = wire.send(scene.address(), &request).await else {
        return Err("no answer".to_owned());
    };
    scene.remember(&answer);
    is_right(&answer, status, group.by)?;
    if !scene.still_serves().await {
        return Err("the server serves no more".to_owned());
    }
    match (before, scene.stands(upload.as_deref()).await) {
        (None, None) => Ok(()),
        (Some(_), None) if status == 204 => Ok(()),
        (Some(before), Some(after)) if stands_as_told(group, &answer, &before, &after) => Ok(()),
        (before, after) => Err(format!("it stood at {before:?}, and now at {after:?}")),
    }
}

fn is_right(answer: &Response<()>, status: u16, by: By) -> Result<(), String> {
    assert!(
        status < 500 || status == 501,
        "no request of the table is the server's fault"
    );
    if answer.status() != status {
        return Err(format!("{} {:?}", answer.status(), answer.headers()));
    }
    let stamps = answer.headers().get_all("tus-resumable");
    let expected: &[&str] = match by {
        By::Stack => &["1.0.0"],
        By::Host | By::Hyper => &[],
    };
    if !stamps.iter().eq(expected) {
        return Err(format!("Tus-Resumable of {:?}", answer.headers()));
    }
    if answer.headers().contains_key("set-cookie") {
        return Err("a header that the client wrote, CRE-06".to_owned());
    }
    Ok(())
}

/// Whether the offset is as stated in the response, or unchanged if it states
/// none.
fn stands_as_told(
    group: &Group,
    answer: &Response<()>,
    before: &Standing,
    after: &Standing,
) -> bool {
    let told = answer.headers().get("upload-offset");
    let told = told.map(|offset| offset.to_str().unwrap().parse().unwrap());
    let offset = told.or(group.keeps).unwrap_or(before.offset);
    // CORE-10, CORE-25, CORE-28, CRE-09
    after.offset == offset && (answer.status().is_success() || after.length == before.length)
}

#[tokio::test]
async fn every_request_over_http_1_gets_its_answer() {
    send_all(Wire::Http1).await;
}

#[tokio::test]
async fn every_request_over_http_2_gets_its_answer() {
    send_all(Wire::Http2).await;
}

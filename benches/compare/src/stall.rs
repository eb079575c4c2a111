//! A disk that hangs for some seconds, and what the server still answers meanwhile.
//!
//! A directory below the uploads is a file system that hangs on demand. Uploads there wait
//! for it. The metrics page and the uploads beside it must not.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Result;
use crate::client::{Connection, Payload, Target};
use crate::crowd;
use crate::sample::{Metric, Sample};
use crate::server::Server;
use crate::statistics::percentile;

#[path = "../../../tests/harness/hanging.rs"]
#[allow(dead_code, reason = "only a part is needed")]
mod hanging;

use hanging::HangingDisk;

const STALL: Duration = Duration::from_secs(4);
const UPLOADS: u32 = 64;
const BYTES: u64 = 4096;
const PROBES: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether this machine can mount a file system of ours. Says so if it cannot.
pub(crate) fn is_possible() -> bool {
    let mounted = HangingDisk::mount();
    if let Err(error) = &mounted {
        eprintln!("skipped: a disk that hangs (needs root and /dev/fuse: {error})");
    }
    mounted.is_ok()
}

/// Lets the disk hang below uploads, and measures the answers that need no such disk.
pub(crate) fn run(server: &Server) -> Result<Sample> {
    let disk = HangingDisk::mount()?;
    symlink(disk.path(), server.data().join("hangs"))?;
    let hanging = (0..UPLOADS)
        .map(|index| crowd::empty(&server.data(), &format!("hangs/{index:032x}"), BYTES))
        .collect::<Result<Vec<_>>>()?;
    let beside = crowd::empty(&server.data(), "beside", BYTES)?;
    let target = Target::of(server)?;
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).enable_all().build()?;
    let all = stall(&target, &disk, hanging, &beside);
    runtime.block_on(async { timeout(PATIENCE, all).await })?
}

async fn stall(
    target: &Target,
    disk: &HangingDisk,
    hanging: Vec<String>,
    beside: &str,
) -> Result<Sample> {
    let [mut metrics, mut heads] = [
        Connection::open(target).await?,
        Connection::open(target).await?,
    ];
    metrics.fetch("/metrics").await?;
    heads.head(beside, 0).await?;

    disk.hang();
    let begin = Instant::now();
    let mut uploads: JoinSet<_> = hanging
        .into_iter()
        .map(|path| upload(target.clone(), path))
        .collect();
    disk.has_held(1).await;
    let (mut pages, mut offsets) = (Vec::new(), Vec::new());
    while begin.elapsed() < STALL {
        let start = Instant::now();
        metrics.fetch("/metrics").await?;
        pages.push(start.elapsed());
        let start = Instant::now();
        heads.head(beside, 0).await?;
        offsets.push(start.elapsed());
        sleep(PROBES).await;
    }
    disk.go_on();
    // Nothing is lost: they only had to wait.
    while let Some(upload) = uploads.join_next().await {
        upload??;
    }
    let millis = |list: &mut Vec<Duration>| {
        let percentile = percentile(list, 99).unwrap_or_default();
        percentile.as_secs_f64() * 1e3
    };
    Ok(Sample::from([
        (Metric::MetricsPage, millis(&mut pages)),
        (Metric::Heads, millis(&mut offsets)),
    ]))
}

async fn upload(target: Target, path: String) -> Result<()> {
    let mut connection = Connection::open(&target).await?;
    connection.patch(&path, 0, Payload::of(BYTES)).await
}

//! A disk that hangs for some seconds, and what a server still answers meanwhile.
//!
//! All uploads of `/files/` are on a file system that hangs on demand, and wait for it. The
//! metrics page must not, and neither must the uploads of another store.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::Result;
use crate::client::{Connection, Payload, Target};
use crate::crowd;
use crate::peer::Peer;
use crate::sample::{Metric, Sample};
use crate::server::Server;
use crate::statistics::percentile;

#[path = "../../../tests/harness/hanging.rs"]
#[allow(dead_code, reason = "only a part is needed")]
mod hanging;

use hanging::HangingDisk;

/// Path of the uploads that are not on the disk of `data`.
pub(crate) const BESIDE: &str = "/beside/";

const STALL: Duration = Duration::from_secs(4);
/// More than a store has threads of the pool.
const UPLOADS: usize = 64;
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

/// Starts a server whose uploads are on a disk that hangs, and measures the answers that need
/// no such disk.
pub(crate) fn run(
    home: &Path,
    peer: Peer,
    start: impl FnOnce() -> Result<Server>,
) -> Result<Sample> {
    fs::remove_dir(home.join("data"))?;
    let disk = mount(home)?;
    let beside = match peer {
        Peer::Stores => Some(beside(home)?),
        _ => None,
    };
    // Killed before the disk is unmounted.
    let server = start()?;
    let target = Target::of(&server)?;
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).enable_all().build()?;
    let all = stall(&target, &disk, beside.as_deref(), STALL);
    runtime.block_on(async { timeout(PATIENCE, all).await })?
}

/// Puts the uploads of `/files/` on a disk that can hang.
fn mount(home: &Path) -> Result<HangingDisk> {
    let disk = HangingDisk::mount()?;
    symlink(disk.path(), home.join("data"))?;
    Ok(disk)
}

/// Makes an upload of the other store, and returns its path.
fn beside(home: &Path) -> Result<String> {
    let (dir, id) = (home.join("beside"), "0");
    fs::create_dir(&dir)?;
    crowd::empty(&dir, id, BYTES)?;
    Ok([BESIDE, id].concat())
}

/// Lets the disk hang, and meanwhile asks for the metrics page and for `beside`.
async fn stall(
    target: &Target,
    disk: &HangingDisk,
    beside: Option<&str>,
    time: Duration,
) -> Result<Sample> {
    let mut uploads = Vec::new();
    for _ in 0..UPLOADS {
        let mut connection = Connection::open(target).await?;
        let path = connection.create(BYTES).await?;
        uploads.push((connection, path));
    }
    let mut probe = Probe::open(target, beside).await?;

    let hanging = Hanging::begin(disk);
    let mut uploads: JoinSet<_> = uploads.into_iter().map(upload).collect();
    disk.has_held(1).await;
    let end = Instant::now() + time;
    let disk = async {
        sleep_until(end).await;
        drop(hanging);
    };
    let (sample, ()) = tokio::join!(probe.repeat(end), disk);
    // Nothing is lost: they only had to wait.
    while let Some(upload) = uploads.join_next().await {
        upload??;
    }
    sample
}

async fn upload((mut connection, path): (Connection, String)) -> Result<()> {
    connection.patch(&path, 0, Payload::of(BYTES)).await
}

/// While it exists, the disk hangs. A server that waits for one cannot be killed.
struct Hanging<'a>(&'a HangingDisk);

impl<'a> Hanging<'a> {
    fn begin(disk: &'a HangingDisk) -> Self {
        disk.hang();
        Self(disk)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.go_on();
    }
}

/// Asks for what needs no disk that hangs.
struct Probe<'a> {
    page: Connection,
    /// An upload.
    beside: Option<(Connection, &'a str)>,
}

impl<'a> Probe<'a> {
    /// Opens connections, and asks once.
    async fn open(target: &Target, beside: Option<&'a str>) -> Result<Self> {
        let mut probe = Self {
            page: Connection::open(target).await?,
            beside: match beside {
                Some(path) => Some((Connection::open(target).await?, path)),
                None => None,
            },
        };
        probe.repeat(Instant::now()).await?;
        Ok(probe)
    }

    /// Asks once, and then until the end.
    async fn repeat(&mut self, end: Instant) -> Result<Sample> {
        let (mut pages, mut heads) = (Vec::new(), Vec::new());
        loop {
            let start = Instant::now();
            self.page.fetch("/metrics").await?;
            pages.push(start.elapsed());
            if let Some((connection, path)) = &mut self.beside {
                let start = Instant::now();
                connection.head(path, 0).await?;
                heads.push(start.elapsed());
            }
            if Instant::now() >= end {
                break;
            }
            sleep(PROBES).await;
        }
        let lists = [(Metric::MetricsPage, pages), (Metric::Heads, heads)];
        let figures = lists.into_iter().filter_map(|(metric, mut list)| {
            let percentile = percentile(&mut list, 99)?;
            Some((metric, percentile.as_secs_f64() * 1e3))
        });
        Ok(figures.collect())
    }
}

#[cfg(all(test, feature = "stores"))]
mod tests {
    use std::net::Ipv4Addr;

    use tempfile::TempDir;
    use tokio::net::TcpListener;

    use super::*;
    use crate::certificate::Certificate;
    use crate::options::Wire;
    use crate::stores;

    const HANG: Duration = Duration::from_secs(1);

    /// Serves two stores within this process, until the test ends.
    async fn serve(home: &Path) -> Target {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let home = home.to_owned();
        let certificate = Certificate::in_dir(&home);
        tokio::spawn(async move { stores::serve(listener, &home).await });
        Target::new(address, Wire::H1, &certificate).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_hanging_disk_delays_its_own_uploads_alone_and_loses_none() {
        if !is_possible() {
            return;
        }
        let home = TempDir::new().unwrap();
        let disk = mount(home.path()).unwrap();
        let beside = beside(home.path()).unwrap();
        let target = serve(home.path()).await;
        let hang = HANG.as_secs_f64() * 1e3;

        let sample = stall(&target, &disk, Some(&beside), HANG).await.unwrap();
        assert!(sample[&Metric::MetricsPage] < hang / 2.0, "{sample:?}");
        assert!(sample[&Metric::Heads] < hang / 2.0, "{sample:?}");

        let mut connection = Connection::open(&target).await.unwrap();
        let own = connection.create(BYTES).await.unwrap();
        let sample = stall(&target, &disk, Some(&own), HANG).await.unwrap();
        assert!(sample[&Metric::MetricsPage] < hang / 2.0, "{sample:?}");
        assert!(sample[&Metric::Heads] > hang / 2.0, "{sample:?}");
    }
}

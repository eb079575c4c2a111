//! Measures the cost of checksums: one PATCH to the server, without a checksum and with
//! several algorithms.
//!
//! ```text
//! cargo bench --features server --bench checksum
//! ```
//!
//! Compare the ratios to the PATCH without a checksum: absolute times differ between
//! machines, and also over time on a machine that runs other work. CPU times of the
//! server are more stable.
//!
//! `CHECKSUM_DIR` selects the disk and defaults to the current directory; to measure
//! the digests alone, use a tmpfs. `CHECKSUM_MIB` sets the size of the upload in MiB
//! and defaults to 256.

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::path::Path;
use std::time::{Duration, Instant};

use harness::Server;
use harness::raw::Http1;
use harness::tus::{Tus, Version};
use tower_tus::layers::checksum::Algorithms;
use tower_tus::layers::protocol::Metadata;

const PIECE: usize = 1 << 20;
const ROUNDS: usize = 3;
const ALGORITHMS: [Option<&str>; 5] = [
    None,
    Some("sha1"),
    Some("sha256"),
    Some("blake3"),
    Some("crc32c"),
];

/// The cost of one PATCH.
#[derive(Clone, Copy)]
struct Run {
    time: Duration,
    /// CPU time of the server during the PATCH.
    cpu: Duration,
    /// Peak memory of the server, in bytes.
    peak_rss: u64,
}

#[tokio::main]
async fn main() {
    let mib = std::env::var("CHECKSUM_MIB");
    let mib = mib.map_or(256, |mib| mib.parse().expect("CHECKSUM_MIB is a number"));
    let dir = std::env::var_os("CHECKSUM_DIR").unwrap_or(".".into());
    let checksums = ALGORITHMS.map(|name| name.map(|name| checksum(name, mib)));
    let mut runs: [Vec<Run>; ALGORITHMS.len()] = Default::default();
    for _ in 0..ROUNDS {
        for (runs, checksum) in runs.iter_mut().zip(&checksums) {
            runs.push(run(dir.as_ref(), mib, checksum.as_deref()).await);
        }
    }
    println!(
        "{:<24} {:>9} {:>7} {:>9} {:>7} {:>12}",
        format!("{mib} MiB in one PATCH"),
        "MiB/s",
        "ratio",
        "CPU",
        "ratio",
        "peak RSS"
    );
    let medians = runs.map(median);
    for (name, run) in ALGORITHMS.iter().zip(medians) {
        println!(
            "{:<24} {:>9.0} {:>7.2} {:>8.2}s {:>7.2} {:>8.1} MiB",
            name.unwrap_or("none"),
            mib as f64 / run.time.as_secs_f64(),
            medians[0].time.as_secs_f64() / run.time.as_secs_f64(),
            run.cpu.as_secs_f64(),
            medians[0].cpu.as_secs_f64() / run.cpu.as_secs_f64(),
            run.peak_rss as f64 / f64::from(1 << 20),
        );
    }
}

/// Returns the `Upload-Checksum` header for the content.
fn checksum(name: &'static str, mib: usize) -> String {
    let algorithms = Algorithms::default();
    let algorithm = algorithms.get(name).expect("the algorithm is known");
    let mut digest = algorithm.begin();
    for _ in 0..mib {
        digest.update(&[7; PIECE]);
    }
    // Metadata has the same syntax: a name and base64.
    let metadata = Metadata::from_pairs([(name, digest.finish())]).expect("the name is a key");
    let value = metadata.raw().expect("there is a pair");
    value.to_str().expect("base64 is ASCII").to_owned()
}

/// Sends one PATCH to a new server.
async fn run(dir: &Path, mib: usize, checksum: Option<&str>) -> Run {
    let home = tempfile::tempdir_in(dir).expect("there is a place for uploads");
    let server = Server::start_in(home.path(), &[]).await;
    let length = mib * PIECE;
    let url = Tus::new(server.url(), Version::Http1)
        .create(length as u64)
        .await;
    let path = &url[url.find("/files/").expect("it is below the base path")..];
    let mut headers = vec![
        ("Upload-Offset", "0".to_owned()),
        ("Content-Length", length.to_string()),
        ("Content-Type", "application/offset+octet-stream".to_owned()),
    ];
    headers.extend(checksum.map(|checksum| ("Upload-Checksum", checksum.to_owned())));
    let bytes = vec![7; PIECE];
    let mut client = Http1::connect(server.address()).await;
    let idle = cpu(&server);
    let begin = Instant::now();
    client.head(&format!("PATCH {path}"), &headers).await;
    for _ in 0..mib {
        client.send(&bytes).await;
    }
    let answer = client.answer().await;
    let time = begin.elapsed();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    Run {
        time,
        cpu: cpu(&server) - idle,
        peak_rss: server.peak_rss(),
    }
}

/// Returns the CPU time of the server so far.
fn cpu(server: &Server) -> Duration {
    let path = format!("/proc/{}/stat", server.pid().as_raw_pid());
    let stat = std::fs::read_to_string(path).expect("the server runs");
    let (_, after_name) = stat.rsplit_once(") ").expect("the name is in parentheses");
    // User and system time, in hundredths of a second.
    let ticks = after_name.split(' ').skip(11).take(2);
    let ticks = ticks.map(|ticks| ticks.parse::<u64>().expect("it is a number"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Returns the run with the median time, and the maximum of the memory.
fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_unstable_by_key(|run| run.time);
    let middle = runs[runs.len() / 2];
    Run {
        time: middle.time,
        cpu: middle.cpu,
        peak_rss: runs.iter().map(|run| run.peak_rss).max().unwrap_or(0),
    }
}

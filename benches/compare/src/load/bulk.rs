//! Large uploads and downloads, each on its own connection, all at once.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{MIB, Plan, add_watch, cpu_since, join, on_a_thread, watch};
use crate::Result;
use crate::client::{Connection, Payload, Target};
use crate::sample::{Metric, Sample};
use crate::server::Server;

/// How long all of it may take: a megabyte in a second, and a minute.
fn patience(bytes: u64) -> Duration {
    Duration::from_secs(60 + (bytes >> 20))
}

/// What each connection does once.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// POST, and one PATCH of all bytes.
    Upload { bytes: u64 },
    /// GET of a file.
    Download { path: String, bytes: u64 },
}

const WARM_UP: u64 = 32 << 20;

/// Warms the server up, and measures the work on `plan.connections`.
pub(crate) fn run(server: &Server, work: &Work, plan: &Plan) -> Result<Sample> {
    let target = Target::of(server)?;
    let warm_up = match work {
        Work::Upload { bytes } => Work::Upload {
            bytes: WARM_UP.min(*bytes),
        },
        Work::Download { .. } => work.clone(),
    };
    join(on_a_thread(all(target.clone(), warm_up, plan.connections)))?;

    let (before, begin) = (server.usage()?, Instant::now());
    let threads = plan.threads.min(plan.connections);
    let threads: Vec<_> = (0..threads)
        .map(|index| {
            let count = (plan.connections + index) / threads;
            on_a_thread(all(target.clone(), work.clone(), count))
        })
        .collect();
    let is_over = || threads.iter().all(std::thread::JoinHandle::is_finished);
    let watched = watch(server, None, is_over)?;
    let mut end = begin;
    for thread in threads {
        end = end.max(join(thread)?);
    }
    let cpu = cpu_since(server, &before)?;
    let mib = (work.bytes() * plan.connections as u64) as f64 / MIB;
    let mut sample = Sample::from([
        (Metric::Rate, mib / (end - begin).as_secs_f64()),
        (Metric::Cpu, cpu.as_secs_f64() / (mib / 1024.0)),
    ]);
    add_watch(&mut sample, &watched);
    Ok(sample)
}

/// Does the work on a number of connections, and returns when the last one was done.
async fn all(target: Target, work: Work, connections: usize) -> Result<Instant> {
    let limit = patience(work.bytes() * connections as u64);
    let mut tasks: JoinSet<_> = (0..connections)
        .map(|_| once(target.clone(), work.clone()))
        .collect();
    let all = async {
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(Instant::now())
    };
    timeout(limit, all)
        .await
        .map_err(|_| "the server does not answer")?
}

async fn once(target: Target, work: Work) -> Result<()> {
    let mut connection = Connection::open(&target).await?;
    match work {
        Work::Upload { bytes } => {
            let path = connection.create(bytes).await?;
            connection.patch(&path, 0, Payload::of(bytes)).await
        }
        Work::Download { path, bytes } => connection.get(&path, bytes).await,
    }
}

impl Work {
    const fn bytes(&self) -> u64 {
        match self {
            Self::Upload { bytes } | Self::Download { bytes, .. } => *bytes,
        }
    }
}

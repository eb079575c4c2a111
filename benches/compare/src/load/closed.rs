//! A closed loop: each connection sends its next request when the last one is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Plan, add_watch, cpu_since, join, on_a_thread, watch};
use crate::Result;
use crate::client::{Connection, Payload, Target};
use crate::sample::{Metric, Sample};
use crate::server::Server;
use crate::statistics::percentile;

/// What a connection repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// POST, PATCH of all bytes, HEAD.
    Upload { bytes: u64 },
    /// POST with all bytes.
    CreateWith { bytes: u64 },
    /// A PATCH of a part of an upload. After the last part, the next upload is created.
    /// The first one may be there already: its path and offset.
    Chunks {
        chunk: u64,
        upload: u64,
        start: Option<(String, u64)>,
    },
    /// GET of a file.
    Download { path: String, bytes: u64 },
}

/// When a unit of work was done, and how long it took.
#[derive(Clone, Copy, Debug)]
struct Done {
    at: Instant,
    took: Duration,
}

/// How long the last requests may take to be answered.
const PATIENCE: Duration = Duration::from_secs(60);

/// Puts a load on a server, and measures the timed part.
pub(crate) fn run(server: &Server, work: Work, plan: &Plan) -> Result<Sample> {
    let target = Target::of(server)?;
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.timed;
    let work = Arc::new(work);
    let shares = shares(plan.connections, plan.threads);
    let threads: Vec<_> = shares
        .map(|share| on_a_thread(connections(target.clone(), work.clone(), share, end)))
        .collect();
    let has_failed = || threads.iter().any(std::thread::JoinHandle::is_finished);

    watch(server, Some(begin), has_failed)?;
    let (before, begin) = (server.usage()?, Instant::now());
    let watched = watch(server, Some(end), has_failed)?;
    let (cpu, end) = (cpu_since(server, &before)?, Instant::now());
    let mut done = Vec::new();
    for thread in threads {
        done.extend(join(thread)?);
    }
    let mut sample = figures(&done, begin, end, cpu)?;
    add_watch(&mut sample, &watched);
    Ok(sample)
}

/// Distributes connections over threads.
fn shares(connections: usize, threads: usize) -> impl Iterator<Item = usize> {
    let threads = threads.min(connections);
    (0..threads).map(move |index| (connections + index) / threads)
}

fn figures(done: &[Done], begin: Instant, end: Instant, cpu: Duration) -> Result<Sample> {
    let timed = done.iter().filter(|done| begin < done.at && done.at <= end);
    let mut latencies: Vec<_> = timed.map(|done| done.took).collect();
    let count = latencies.len() as f64;
    let millis = |latency: Duration| latency.as_secs_f64() * 1e3;
    let mut at = |percent| percentile(&mut latencies, percent).map(millis);
    let (Some(p50), Some(p99)) = (at(50), at(99)) else {
        return Err("nothing was done in the time".into());
    };
    Ok(Sample::from([
        (Metric::Rate, count / (end - begin).as_secs_f64()),
        (Metric::Cpu, millis(cpu) / count),
        (Metric::P50, p50),
        (Metric::P99, p99),
    ]))
}

/// Works on some connections until the end.
async fn connections(
    target: Target,
    work: Arc<Work>,
    count: usize,
    end: Instant,
) -> Result<Vec<Done>> {
    let mut tasks: JoinSet<_> = (0..count)
        .map(|_| connection(target.clone(), work.clone(), end))
        .collect();
    let limit = end.saturating_duration_since(Instant::now()) + PATIENCE;
    let all = async {
        let mut all = Vec::new();
        while let Some(done) = tasks.join_next().await {
            all.extend(done??);
        }
        Ok(all)
    };
    timeout(limit, all)
        .await
        .map_err(|_| "the server does not answer")?
}

async fn connection(target: Target, work: Arc<Work>, end: Instant) -> Result<Vec<Done>> {
    let mut connection = Connection::open(&target).await?;
    let mut state = work.start();
    let mut all = Vec::new();
    let mut last = Instant::now();
    while last < end {
        work.step(&mut connection, &mut state).await?;
        let at = Instant::now();
        let took = at - last;
        all.push(Done { at, took });
        last = at;
    }
    Ok(all)
}

/// The upload that a connection is in the middle of.
#[derive(Debug, Default)]
struct State {
    path: String,
    offset: u64,
}

impl Work {
    fn start(&self) -> State {
        match self {
            Self::Chunks {
                start: Some((path, offset)),
                ..
            } => State {
                path: path.clone(),
                offset: *offset,
            },
            _ => State::default(),
        }
    }

    async fn step(&self, connection: &mut Connection, state: &mut State) -> Result<()> {
        match self {
            &Self::Upload { bytes } => {
                let path = connection.create(bytes).await?;
                connection.patch(&path, 0, Payload::of(bytes)).await?;
                connection.head(&path, bytes).await
            }
            &Self::CreateWith { bytes } => {
                connection.create_with(Payload::of(bytes)).await.map(drop)
            }
            &Self::Chunks { chunk, upload, .. } => {
                if state.path.is_empty() || state.offset == upload {
                    state.path = connection.create(upload).await?;
                    state.offset = 0;
                }
                let payload = Payload::of(chunk.min(upload - state.offset));
                connection.patch(&state.path, state.offset, payload).await?;
                state.offset += payload.length();
                Ok(())
            }
            Self::Download { path, bytes } => connection.get(path, *bytes).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_its_thread() {
        let shares = |connections, threads| shares(connections, threads).collect::<Vec<_>>();
        assert_eq!(shares(32, 1), [32]);
        assert_eq!(shares(7, 3), [2, 2, 3]);
        assert_eq!(shares(2, 8), [1, 1]);
    }

    #[test]
    fn only_what_ends_in_the_timed_part_counts() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let done = [(500, 9), (1500, 2), (1800, 4), (2500, 9)].map(|(millis, took)| Done {
            at: at(millis),
            took: Duration::from_millis(took),
        });
        let cpu = Duration::from_millis(3);
        let sample = figures(&done, at(1000), at(2000), cpu).unwrap();
        assert_eq!(sample[&Metric::Rate], 2.0);
        assert_eq!(sample[&Metric::Cpu], 1.5);
        assert_eq!((sample[&Metric::P50], sample[&Metric::P99]), (2.0, 4.0));
        assert!(figures(&done, at(3000), at(4000), cpu).is_err());
    }
}

//! Many uploads that each receive a little now and then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::{add_watch, cpu_since, join, on_a_thread, watch};
use crate::Result;
use crate::client::{Connection, Payload, Target};
use crate::sample::{Metric, Sample};
use crate::server::Server;

/// Uploads, one for each connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trickle {
    pub(crate) uploads: u32,
    /// Bytes that each receives in one go. 0 leaves the uploads open and quiet.
    pub(crate) piece: u64,
    pub(crate) interval: Duration,
    /// How long they stay open. Then all end at once.
    pub(crate) time: Duration,
}

/// Connections that are opened at once: the listen queue is short.
const OPENING: u32 = 64;
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens all uploads, and measures from then on.
pub(crate) fn run(server: &Server, trickle: Trickle) -> Result<Sample> {
    let target = Target::of(server)?;
    // The first request of all makes things that stay.
    join(on_a_thread(one(target.clone())))?;
    let idle = server.usage()?;
    let opened = Arc::new(Barrier::new(2));
    let load = on_a_thread(uploads(target, trickle, opened.clone()));
    let open = on_a_thread(async move {
        timeout(PATIENCE, opened.wait())
            .await
            .map_err(|_| "the uploads do not all begin")?;
        Ok(())
    });
    let opening = watch(server, None, || load.is_finished() || open.is_finished())?;
    if load.is_finished() {
        join(load)?;
        return Err("the uploads ended at once".into());
    }
    join(open)?;

    let (before, begin) = (server.usage()?, Instant::now());
    // No upload that ends is measured: that costs more than all that trickles.
    let end = begin + trickle.time - Duration::from_secs(1).min(trickle.time / 2);
    let watched = watch(server, Some(end), || load.is_finished())?;
    let cpu = cpu_since(server, &before)?;
    let took = begin.elapsed();
    join(load)?;

    let most = watched.most_rss().max(opening.most_rss());
    let each = watched.steady_rss().saturating_sub(idle.rss) as f64 / f64::from(trickle.uploads);
    let mut sample = Sample::new();
    add_watch(&mut sample, &watched);
    sample.insert(Metric::Rss, most as f64 / super::MIB);
    let threads = watched.most_threads().max(opening.most_threads());
    sample.insert(Metric::MostThreads, threads as f64);
    sample.insert(Metric::PerConnection, each / 1024.0);
    sample.insert(Metric::Core, cpu.as_secs_f64() / took.as_secs_f64() * 100.0);
    Ok(sample)
}

async fn one(target: Target) -> Result<()> {
    let mut connection = Connection::open(&target).await?;
    let path = connection.create(1).await?;
    connection.patch(&path, 0, Payload::of(1)).await
}

async fn uploads(target: Target, trickle: Trickle, opened: Arc<Barrier>) -> Result<()> {
    let mut tasks = JoinSet::new();
    let all = Arc::new(Barrier::new(trickle.uploads as usize + 1));
    let opening = Arc::new(tokio::sync::Semaphore::new(OPENING as usize));
    for index in 0..trickle.uploads {
        let (target, all, opening) = (target.clone(), all.clone(), opening.clone());
        tasks.spawn(async move {
            let permit = opening.acquire_owned().await?;
            let upload = begin(&target, trickle).await?;
            drop(permit);
            all.wait().await;
            go_on(upload, trickle, index).await
        });
    }
    // A failure ends the run before all have begun.
    tokio::select! {
        _ = all.wait() => (),
        Some(early) = tasks.join_next() => early??,
    }
    opened.wait().await;
    while let Some(done) = timeout(trickle.time + PATIENCE, tasks.join_next()).await? {
        done??;
    }
    Ok(())
}

async fn begin(target: &Target, trickle: Trickle) -> Result<crate::client::Http1> {
    let Connection::Http1(mut upload) = Connection::open(target).await? else {
        return Err("only HTTP/1.1 trickles".into());
    };
    upload.begin_upload(trickle.length()).await?;
    // The first byte shows that the server has begun to read the body.
    upload.trickle(Payload::of(1)).await?;
    Ok(upload)
}

async fn go_on(mut upload: crate::client::Http1, trickle: Trickle, index: u32) -> Result<()> {
    let begin = tokio::time::Instant::now();
    for moment in trickle.moments(index) {
        sleep_until(begin + moment).await;
        upload.trickle(Payload::of(trickle.piece)).await?;
    }
    sleep_until(begin + trickle.time).await;
    upload.trickle(Payload::of(1)).await?;
    upload.end_upload(trickle.length()).await
}

impl Trickle {
    /// Returns when an upload receives its pieces. The uploads take turns within an interval.
    fn moments(self, index: u32) -> impl Iterator<Item = Duration> {
        let turn = self.interval * index / self.uploads.max(1);
        (0..self.pieces()).map(move |piece| turn + self.interval * piece)
    }

    /// The number of pieces of each upload.
    fn pieces(self) -> u32 {
        match self.piece {
            0 => 0,
            _ => (self.time.as_millis() / self.interval.as_millis().max(1)) as u32,
        }
    }

    /// The pieces, and one byte at each end.
    fn length(self) -> u64 {
        u64::from(self.pieces()) * self.piece + 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn uploads_receive_their_pieces_in_turns_before_all_of_them_end() {
        let trickle = Trickle {
            uploads: 4,
            piece: 10,
            interval: SECOND,
            time: SECOND * 3,
        };
        let last: Vec<_> = trickle.moments(3).collect();
        assert_eq!(last, [750, 1750, 2750].map(Duration::from_millis));
        assert_eq!(trickle.length(), 32);
    }

    #[test]
    fn quiet_uploads_receive_nothing_between_their_begin_and_their_end() {
        let quiet = Trickle {
            uploads: 1500,
            piece: 0,
            interval: SECOND,
            time: SECOND * 12,
        };
        assert!((0..1500).all(|index| quiet.moments(index).next().is_none()));
        assert_eq!(quiet.length(), 2);
    }
}

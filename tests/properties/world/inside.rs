//! Servers in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tower_tus::layers::expiration::Expiration;
use tower_tus::layers::protocol::Clock;
use tower_tus::layers::sweep::{SweepOptions, Sweeper};
use tower_tus::store::file::Durability;
use tower_tus::store::limited::{Evict, Limited};
use tower_tus::{
    FileLocker, FileStore, Locker, MemoryLocker, MemoryStore, Shutdown, Stack, Store, TusService,
    Uploads,
};

use super::gates::Panel;
use crate::actions::{self, Evicts, Expiry, Finals, Form, Ground, Judges, Moment, Quota, Ruling};
use crate::driver::Fault;
use crate::harness::patient;
use crate::model::Verdict;

/// After this many refusals an upload is rejected for good.
pub(crate) const ATTEMPTS: u32 = 3;

/// After this many hours an unfinished upload expires, if any does: not a number of
/// days, since a case takes a few seconds.
pub(crate) const HOURS: u32 = 84;

/// Returns how many bytes all uploads may have together, if they are limited, and those
/// of one owner. If uploads are evicted, it is so few that some often are.
pub(crate) const fn limits(evicts: Evicts) -> (u64, u64) {
    match evicts {
        Evicts::Nothing => (30_000, 12_000),
        Evicts::Unfinished | Evicts::Finished => (150, 80),
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);

pub(crate) struct Inside {
    form: Form,
    panel: Panel,
    clock: Clock,
    days: Arc<AtomicU32>,
    memory: MemoryStore,
    alone: MemoryLocker,
    home: TempDir,
    servers: Vec<Running>,
}

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    /// Through which uploads are evicted.
    _uploads: Arc<Uploads>,
    accepting: JoinHandle<()>,
}

impl Inside {
    pub(super) async fn start(form: Form) -> Self {
        let days = Arc::new(AtomicU32::new(0));
        let clock = clock(Arc::clone(&days));
        let mut inside = Self {
            form,
            panel: Panel::new(),
            memory: MemoryStore::with_clock(clock.clone()),
            alone: MemoryLocker::default(),
            clock,
            days,
            home: TempDir::new().unwrap(),
            servers: Vec::new(),
        };
        std::fs::create_dir(inside.home.path().join("data")).unwrap();
        for _ in 0..form.servers {
            let server = inside.serve().await;
            inside.servers.push(server);
        }
        inside
    }

    pub(super) fn address(&self, server: usize) -> SocketAddr {
        self.servers[server].address
    }

    pub(super) async fn restart(&mut self, server: usize) {
        let stopping = &mut self.servers[server];
        stopping.shutdown.begin();
        patient(stopping.shutdown.drained()).await;
        stopping.accepting.abort();
        let _ = (&mut stopping.accepting).await;
        self.servers[server] = self.serve().await;
    }

    pub(super) fn rule(&self, moment: Moment, ruling: Ruling) -> Verdict {
        self.panel.rule(moment, ruling)
    }

    pub(super) fn set_clock(&self, days: u8) {
        self.days.store(days.into(), Ordering::Relaxed);
    }

    pub(super) fn data(&self) -> Option<PathBuf> {
        (self.form.ground == Ground::Files).then(|| self.home.path().join("data"))
    }

    pub(super) async fn sweep(&self, older_than: Duration) -> Result<(), Fault> {
        if self.form.ground == Ground::Memory {
            return Ok(());
        }
        let sweeper = Sweeper::new(self.files(), self.locker());
        let options = SweepOptions::default().older_than(older_than);
        match sweeper.sweep(&options).await {
            Ok(report) if report.failed.is_empty() => Ok(()),
            failed => Err(format!("a sweep has failed: {failed:?}")),
        }
    }

    async fn serve(&self) -> Running {
        let shutdown = Shutdown::default();
        let (stack, limited) = self.stack();
        let stack = stack.shutdown(shutdown.clone());
        let (service, uploads) = stack.into_service_and_uploads();
        let uploads = Arc::new(uploads);
        match (limited, self.form.evicts) {
            (None, _) | (_, Evicts::Nothing) => {}
            (Some(store), Evicts::Unfinished) => {
                store.evict_through(&uploads, Evict::OldestUnfinished);
            }
            (Some(store), Evicts::Finished) => {
                store.evict_through(&uploads, Evict::OldestFinished);
            }
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Running {
            address: listener.local_addr().unwrap(),
            shutdown,
            _uploads: uploads,
            accepting: tokio::spawn(accept(listener, service)),
        }
    }

    /// Builds a stack over the uploads of this case, and the quota in it.
    fn stack(&self) -> (Stack, Option<Limited>) {
        let (stack, limited) = match self.form.ground {
            Ground::Files => self.stack_over(self.files()),
            Ground::Memory | Ground::Processes | Ground::Bucket => {
                self.stack_over(self.memory.clone())
            }
        };
        let stack = stack.finish_attempts(ATTEMPTS);
        let expiration = Expiration::after(HOUR * HOURS).clock(self.clock.clone());
        let stack = match self.form.expiry {
            Expiry::Never => stack,
            Expiry::AfterLastActivity => stack.expiration(expiration),
            Expiry::AfterCreation => stack.expiration(expiration.fixed()),
        };
        let stack = match self.form.finals {
            Finals::OfFinished => stack,
            Finals::OfAny => stack.unfinished_concatenation(),
        };
        let stack = match self.form.judges {
            Judges::Present => stack.add_gate(self.panel.clone()),
            Judges::Absent => stack,
        };
        (stack, limited)
    }

    fn stack_over(&self, store: impl Store) -> (Stack, Option<Limited>) {
        let locker = self.locker();
        let (total, per_owner) = limits(self.form.evicts);
        let limited = |store| Limited::new(store).total(total);
        let store = match self.form.quota {
            Quota::Unlimited => return (Stack::new(store).locker(locker), None),
            Quota::Total => limited(store),
            Quota::PerOwner => limited(store).per_owner_key(per_owner, "owner"),
        };
        (Stack::new(store.clone()).locker(locker), Some(store))
    }

    fn files(&self) -> FileStore {
        let durability = match self.form.durability {
            actions::Durability::None => Durability::None,
            actions::Durability::Finish => Durability::Finish,
            actions::Durability::Offset => Durability::Offset,
        };
        FileStore::new(self.home.path().join("data")).durability(durability)
    }

    /// Returns the locker of another server, which is the same if there is only one.
    fn locker(&self) -> Arc<dyn Locker> {
        match self.form.servers {
            1 => Arc::new(self.alone.clone()),
            _ => {
                let locker = FileLocker::new(self.home.path().join("data"));
                Arc::new(locker.poll_interval(Duration::from_millis(2)))
            }
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        for server in &self.servers {
            server.accepting.abort();
        }
    }
}

/// Serves connections until it is aborted, which ends them, too.
async fn accept(listener: TcpListener, service: TusService) {
    let service = TowerToHyperService::new(service);
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        socket.set_nodelay(true).unwrap();
        connections.spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            // Many clients break their connections on purpose.
            drop(server.serve_connection(TokioIo::new(socket), service).await);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Returns a clock that stands still, except that somebody sets it to another day.
fn clock(days: Arc<AtomicU32>) -> Clock {
    let start = SystemTime::now();
    Clock::from_fn(move || start + HOUR * 24 * days.load(Ordering::Relaxed))
}

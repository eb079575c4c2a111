//! Servers in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tower_tus::store::file::Durability;
use tower_tus::{FileLocker, FileStore, MemoryStore, Shutdown, Stack, TusService};

use super::gates::Panel;
use crate::actions::{self, Finals, Form, Ground, Judges, Moment, Ruling};
use crate::harness::patient;
use crate::model::Verdict;

/// After this many refusals an upload is rejected for good.
pub(crate) const ATTEMPTS: u32 = 3;

pub(crate) struct Inside {
    form: Form,
    panel: Panel,
    memory: MemoryStore,
    home: TempDir,
    servers: Vec<Running>,
}

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    accepting: JoinHandle<()>,
}

impl Inside {
    pub(super) async fn start(form: Form) -> Self {
        let mut inside = Self {
            form,
            panel: Panel::new(),
            memory: MemoryStore::default(),
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

    pub(super) fn home(&self) -> Option<&TempDir> {
        (self.form.ground == Ground::Files).then_some(&self.home)
    }

    async fn serve(&self) -> Running {
        let shutdown = Shutdown::default();
        let service = self.stack().shutdown(shutdown.clone()).into_service();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Running {
            address: listener.local_addr().unwrap(),
            shutdown,
            accepting: tokio::spawn(accept(listener, service)),
        }
    }

    /// Builds a stack over the uploads of this case.
    fn stack(&self) -> Stack {
        let stack = match self.form.ground {
            Ground::Files => self.stack_over_files(),
            Ground::Memory | Ground::Processes => Stack::new(self.memory.clone()),
        };
        let stack = stack.finish_attempts(ATTEMPTS);
        let stack = match self.form.finals {
            Finals::OfFinished => stack,
            Finals::OfAny => stack.unfinished_concatenation(),
        };
        match self.form.judges {
            Judges::Present => stack.add_gate(self.panel.clone()),
            Judges::Absent => stack,
        }
    }

    fn stack_over_files(&self) -> Stack {
        let durability = match self.form.durability {
            actions::Durability::None => Durability::None,
            actions::Durability::Finish => Durability::Finish,
            actions::Durability::Offset => Durability::Offset,
        };
        let store = FileStore::new(self.home.path().join("data")).durability(durability);
        match self.form.servers {
            1 => Stack::new(store),
            _ => {
                let locker = FileLocker::beside(&store).poll_interval(Duration::from_millis(2));
                Stack::new(store).locker(locker)
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

//! A server under test: a child process in a directory of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::certificate::Certificate;
use crate::gateway::Gateway;
use crate::options::{Durability, Wire};
use crate::peer::{Peer, Programs, Setting};
use crate::process::Usage;

const START: Duration = Duration::from_secs(20);

/// A running server, killed on drop.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    wire: Wire,
    certificate: Certificate,
    _gateway: Option<Gateway>,
    home: PathBuf,
}

impl Server {
    /// Starts a server, over a bucket or a directory, and returns when it accepts connections.
    ///
    /// Its log goes to `/dev/null`: the cost of writing lines is measured, that of
    /// keeping them is not.
    pub(crate) fn start(
        programs: &Programs,
        peer: Peer,
        wire: Wire,
        durability: Durability,
        has_bucket: bool,
        home: &Path,
    ) -> Result<Self> {
        let certificate = Certificate::make(home)?;
        let data = home.join("data");
        std::fs::create_dir_all(&data)?;
        let gateway = has_bucket.then(|| Gateway::start(&programs.gateway, home));
        let gateway = gateway.transpose()?;
        let address = free()?;
        let setting = Setting {
            port: address.port(),
            wire,
            durability,
            certificate: &certificate,
            gateway: gateway.as_ref(),
            home,
        };
        let mut command = programs.command(peer, &setting)?;
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command
            .spawn()
            .map_err(|error| format!("{peer} does not start: {error}"))?;
        let mut server = Self {
            child,
            address,
            wire,
            certificate,
            _gateway: gateway,
            home: home.to_owned(),
        };
        server.wait(peer)?;
        Ok(server)
    }

    fn wait(&mut self, peer: Peer) -> Result<()> {
        let begin = Instant::now();
        // Nothing else tells for all servers that they listen.
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{peer} ended at its start: {status}").into());
            }
            if begin.elapsed() > START {
                return Err(format!("{peer} does not listen after {START:?}").into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) const fn wire(&self) -> Wire {
        self.wire
    }

    pub(crate) const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns the directory with its uploads.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Asks a process to end, so that it ends its own children, and kills it after a second.
fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
        // Twice: the second one does not wait for open connections.
        let _ = kill_process(pid, Signal::TERM);
        std::thread::sleep(Duration::from_millis(20));
        let _ = kill_process(pid, Signal::TERM);
    }
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(1) {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Finds a free port. Not every server can choose one and tell it.
pub(crate) fn free() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

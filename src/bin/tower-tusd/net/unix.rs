//! Unix sockets: files that clients on this machine connect to.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

use super::listen::BACKLOG;

/// A socket that is removed when this is dropped.
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    file: Metadata,
}

impl UnixSocket {
    /// Listens at `path`, and replaces the socket of a server that has ended.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        let socket = nonblocking()?;
        // The mode is 0777 less the umask, which is what `bind` gives.
        socket.bind(&SockAddr::unix(path)?)?;
        socket.listen(BACKLOG)?;
        Ok(Self {
            listener: UnixListener::from_std(StdListener::from(socket))?,
            path: path.to_owned(),
            file: path.symlink_metadata()?,
        })
    }

    /// Cancel safe.
    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _) = self.listener.accept().await?;
        Ok(stream)
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // Another server may have replaced it. Its socket has another number: this one's is
        // in use as long as the listener is open, which is closed after this.
        let ours =
            |found: Metadata| found.ino() == self.file.ino() && found.dev() == self.file.dev();
        if self.path.symlink_metadata().is_ok_and(ours) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket that nobody listens on, but no other file.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        let kind = io::ErrorKind::AlreadyExists;
        return Err(io::Error::new(kind, "the file is not a socket"));
    }
    match nonblocking()?.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        // `WouldBlock` is a server that has not accepted for a while.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => {
            let kind = io::ErrorKind::AddrInUse;
            Err(io::Error::new(kind, "another server listens on it"))
        }
    }
}

fn nonblocking() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

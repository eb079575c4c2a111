//! Hooks that are executables in a directory.

mod output;
mod running;
mod stderr;

use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tower_tus_layers::hook::{Event, Hooks, Moment, Reply};
use tower_tus_layers::protocol::BoxError;

use self::running::{Group, run};
use super::payload;

/// Hooks that are executables in a directory: `<dir>/pre-create` and so on.
///
/// A moment without a file is passed over in silence, and one whose
/// interpreter is missing with a warning; files may come and go at any time.
/// Any other file has to be executable.
///
/// A hook runs in the directory, with the environment of this process and
///
/// * `TUS_ID`, `TUS_SIZE` and `TUS_OFFSET` of the upload,
/// * the event on its stdin, which it need not read,
/// * its stdout for the reply: nothing for none,
/// * its stderr for the log: each line is a `HookStderr` with `type` and `id`.
///
/// It has failed when it does not exit with 0, or says something that is no
/// reply. What a process says that it leaves behind is not heard.
///
/// # How long it may take
///
/// One that is asked (`pre-create`, `pre-finish`, `pre-terminate`) and takes
/// longer than the [`timeout`](Self::timeout) is killed, with all processes of
/// its group, and has failed; so is one whose answer nobody waits for any more.
/// One that is told something is never killed: after that time what comes
/// next is told meanwhile, and its reply comes too late. It also outlives this
/// process.
///
/// ```no_run
/// use tower_tus::hook::ProcessHooks;
/// use tower_tus::store::FileStore;
/// use tower_tus::Stack;
///
/// let service = Stack::new(FileStore::new("data"))
///     .hooks(ProcessHooks::new("hooks"))
///     .into_service();
/// ```
#[derive(Clone, Debug)]
pub struct ProcessHooks {
    dir: Arc<Path>,
    timeout: Duration,
    /// Of which moments it was said that the interpreter is missing.
    warned: Arc<Mutex<Vec<Moment>>>,
}

impl ProcessHooks {
    /// The executables in `dir`.
    ///
    /// A relative path is taken from the current directory of this moment.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        // It fails only where nothing that is done with the path can succeed.
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        Self {
            dir: dir.into(),
            timeout: Duration::from_secs(60),
            warned: Arc::default(),
        }
    }

    /// How long a hook is waited for: a minute unless set.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Starts the hook of this moment, if there is one.
    fn spawn(&self, event: &Event) -> io::Result<Option<Child>> {
        let upload = &event.upload;
        let path = self.dir.join(event.moment.as_str());
        let mut command = Command::new(&path);
        command
            .current_dir(&self.dir)
            .env("TUS_ID", payload::id(event))
            .env("TUS_SIZE", upload.length.unwrap_or(0).to_string())
            .env("TUS_OFFSET", upload.offset.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(event.moment.is_question());
        #[cfg(unix)]
        command.process_group(0);
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.exists() {
                    self.warn(event.moment, &path);
                }
                Ok(None)
            }
            Err(error) => Err(error),
            Ok(mut child) => {
                stderr::log(&mut child, event);
                Ok(Some(child))
            }
        }
    }

    /// Says once that a hook is there and cannot be run.
    fn warn(&self, moment: Moment, path: &Path) {
        // Nothing that runs under the lock can leave the list half changed.
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if !warned.contains(&moment) {
            warned.push(moment);
            let path = path.display();
            tracing::warn!(hook = %path, "the interpreter of a hook is missing, and the hook passed over");
        }
    }

    /// The reply of a hook that ends in time, and the end of any other.
    async fn ask(&self, child: Child, event: &Event) -> Result<Vec<u8>, BoxError> {
        let group = Group::of(&child);
        let mut running = pin!(run(child, payload::request(event)));
        // Dropped first, while the hook still has its id.
        let group = group;
        let output = timeout(self.timeout, running.as_mut()).await;
        let output = output.map_err(|_| format!("it was killed after {:?}", self.timeout))?;
        group.let_go();
        output
    }

    /// The reply of a hook that ends in time. Any other goes on.
    async fn tell(&self, child: Child, event: &Event) -> Result<Vec<u8>, BoxError> {
        let (sender, output) = oneshot::channel();
        let running = run(child, payload::request(event));
        let (moment, id) = (event.moment, event.upload.id.clone());
        tokio::spawn(async move {
            if let Err(Err(error)) = sender.send(running.await) {
                tracing::error!("type" = %moment, %id, %error, "HookInvocationError");
            }
        });
        let Ok(output) = timeout(self.timeout, output).await else {
            let waited = self.timeout;
            tracing::warn!(%moment, id = %event.upload.id, ?waited, "a hook still runs, and is not waited for");
            return Ok(Vec::new());
        };
        output?
    }
}

#[async_trait]
impl Hooks for ProcessHooks {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let Some(child) = self.spawn(event)? else {
            return Ok(Reply::accept());
        };
        let output = match event.moment.is_question() {
            true => self.ask(child, event).await?,
            false => self.tell(child, event).await?,
        };
        if output.is_empty() {
            return Ok(Reply::accept());
        }
        let reply = payload::reply(event.moment, &output);
        reply.map_err(|error| format!("{error}: {}", payload::excerpt(&output)).into())
    }

    /// Whether there is a file, though it may not be one that can run.
    fn hears(&self, moment: Moment) -> bool {
        self.dir.join(moment.as_str()).symlink_metadata().is_ok()
    }
}

//! Hooks that are executables in a directory.

mod executable;
mod groups;
mod launcher;
mod output;
mod running;
mod stderr;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use async_trait::async_trait;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tower_tus_layers::hooks::{Event, HookKind, Hooks, Reply};
use tower_tus_layers::protocol::{BoxError, Error};

use self::groups::Groups;
use self::launcher::Launcher;
use self::running::run;
use super::turns::{Turn, Turns};
use super::{named, payload};

/// Default number of hooks that run at once per core.
const PER_CORE: usize = 16;

/// Runs executables in a directory as hooks: `<dir>/pre-create` and so on.
///
/// An event without a file of its name has no hook. Files may be added and
/// removed at any time. If a file exists but cannot run, the hook fails:
/// because it is not executable, a directory, a dangling symlink, or a script
/// with a missing interpreter (such as a first line that ends in CRLF). If the
/// directory itself is gone, every hook fails.
///
/// A hook runs in the directory. It gets the environment of this process and
///
/// - `TUS_ID`, `TUS_SIZE` and `TUS_OFFSET` of the upload,
/// - the event on stdin, which it may ignore,
/// - stdout for the reply, which may be empty,
/// - stderr for the log: each line becomes a `HookStderr` with `type` and `id`.
///
/// A hook fails if it exits with a code other than 0 or writes an invalid
/// reply. Output of background processes after the hook has ended is ignored.
///
/// # Concurrency
///
/// At most [`concurrency`](Self::concurrency) hooks run at once, 16 per core by
/// default. The others wait, and connections take turns, so that many events of
/// one connection delay those of another by one hook only. If `pre-create` or
/// `pre-terminate` waits longer than the
/// [`queue_timeout`](Self::queue_timeout), it fails with [`Error::HooksBusy`];
/// `pre-finish` and notifications keep waiting. If the system has no file
/// descriptor or process left, each of these three hooks fails with the same
/// error, and the next HEAD or PATCH retries `pre-finish`.
///
/// # Time limit
///
/// A deciding hook (`pre-create`, `pre-finish`, `pre-terminate`) that runs
/// longer than the [`timeout`](Self::timeout) fails and is killed, with all
/// processes of its group. It is also killed when nothing waits for its reply
/// any more. A notification is not killed: after the timeout, later events no
/// longer wait for it, and its reply is ignored. At most
/// [`concurrency`](Self::concurrency) such notifications run in addition to the
/// other hooks.
///
/// [`kill_all`](Self::kill_all) ends the hooks that still run when the server
/// exits. If the server itself is killed (`kill -9`), its hooks keep running.
///
/// ```no_run
/// use tower_tus::hooks::ProcessHooks;
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
    turns: Turns,
    groups: Groups,
    launcher: Option<Launcher>,
}

impl ProcessHooks {
    /// Runs the executables in `dir`.
    ///
    /// A relative path is resolved now, against the current directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        // This fails only where every later use of the path fails as well.
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        Self {
            dir: dir.into(),
            timeout: Duration::from_secs(60),
            turns: Turns::new(PER_CORE * available_parallelism().map_or(1, usize::from)),
            groups: Groups::default(),
            launcher: None,
        }
    }

    /// Limits the run time of one hook; the default is one minute.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Limits how many hooks run at once; the default is 16 per core, and 0
    /// means unlimited.
    #[must_use]
    pub fn concurrency(mut self, hooks: usize) -> Self {
        self.turns = self.turns.concurrency(hooks);
        self
    }

    /// Limits how long `pre-create` and `pre-terminate` wait until they can
    /// start; the default is 10 seconds.
    #[must_use]
    pub fn queue_timeout(mut self, timeout: Duration) -> Self {
        self.turns = self.turns.patience(timeout);
        self
    }

    /// Starts each hook through another program, with `args` and the path of
    /// the hook as its arguments. By default, hooks are started directly.
    ///
    /// The launcher can change what the hook inherits, such as resource limits.
    /// It must then replace itself with the hook, by [`exec`](Self::exec) or,
    /// in a shell, by `exec "$@"`, so that the hook keeps its process id,
    /// stdin, stdout and stderr.
    #[must_use]
    pub fn launcher<I>(mut self, program: impl Into<PathBuf>, args: I) -> Self
    where
        I: IntoIterator<Item: Into<OsString>>,
    {
        let args = args.into_iter().map(Into::into);
        self.launcher = Some(Launcher::new(program.into(), args.collect()));
        self
    }

    /// Replaces this process with the hook at `path`, as the last step of a
    /// [`launcher`](Self::launcher). Returns only on failure.
    ///
    /// In that case the reason has been written to stdout, and the launcher
    /// must exit with the returned code. The hook fails, and the server logs
    /// the reason.
    #[cfg(unix)]
    #[must_use]
    pub fn exec(path: &Path) -> std::process::ExitCode {
        launcher::exec(path)
    }

    /// Kills all running hooks with their process groups, and every hook that
    /// starts later. Call it when the server exits, after everything that it
    /// waits for.
    ///
    /// Background processes of hooks that have already ended keep running.
    pub fn kill_all(&self) {
        self.groups.kill_all();
    }

    /// Starts the hook of an event, if its file exists.
    fn spawn(&self, event: &Event, path: &Path) -> Result<Option<Child>, BoxError> {
        // The file may have been removed while the event waited for its turn.
        if !executable::is_there(&self.dir, path)? {
            return Ok(None);
        }
        let upload = &event.upload;
        let mut command = match &self.launcher {
            Some(launcher) => launcher.command(path),
            None => Command::new(path),
        };
        command
            .current_dir(&self.dir)
            .env("TUS_ID", payload::id(event))
            .env("TUS_SIZE", upload.length.unwrap_or_default().to_string())
            .env("TUS_OFFSET", upload.offset.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        match command.spawn() {
            Ok(mut child) => {
                stderr::log(&mut child, event);
                Ok(Some(child))
            }
            Err(error) => Err(self.cannot_start(event, path, &error)),
        }
    }

    fn cannot_start(&self, event: &Event, path: &Path, error: &io::Error) -> BoxError {
        // Only clients of deciding hooks can retry.
        if executable::is_lack_of_resources(error) && event.kind.is_question() {
            tracing::debug!("type" = %event.kind, %error, "a hook cannot be started now");
            return Error::HooksBusy.into();
        }
        match &self.launcher {
            Some(launcher) => format!("cannot start {launcher}: {error}").into(),
            None => executable::reason(path, error).into(),
        }
    }

    /// Returns the reply of a hook, and kills it on timeout.
    async fn ask(&self, child: Child, event: &Event) -> Result<Vec<u8>, BoxError> {
        let group = self.groups.add(&child);
        let mut running = pin!(run(child, payload::request(event)));
        // Dropped before `running`, while the process id is still the hook's.
        let group = group;
        let output = timeout(self.timeout, running.as_mut()).await;
        let output =
            output.map_err(|_| format!("killed after the timeout of {:?}", self.timeout))?;
        group.let_go();
        output
    }

    /// Returns the reply of a hook, or an empty one on timeout; the hook keeps
    /// running.
    async fn tell(&self, child: Child, event: &Event, turn: Turn) -> Result<Vec<u8>, BoxError> {
        let (sender, output) = oneshot::channel();
        let group = self.groups.add(&child);
        let running = run(child, payload::request(event));
        let (kind, id) = (event.kind, event.upload.id.clone());
        // On return the next hook may start, even if this one still runs.
        let Turn {
            running: _turn,
            told,
        } = turn;
        tokio::spawn(async move {
            let mut running = pin!(running);
            // Dropped before `running`, while the process id is still the
            // hook's.
            let (group, _told) = (group, told);
            let output = running.as_mut().await;
            group.let_go();
            if let Err(Err(error)) = sender.send(output) {
                tracing::error!("type" = %kind, %id, %error, "HookInvocationError");
            }
        });
        let Ok(output) = timeout(self.timeout, output).await else {
            let waited = self.timeout;
            tracing::warn!(r#type = %kind, id = %event.upload.id, ?waited, "a hook is still running after its timeout; later events no longer wait for it");
            return Ok(Vec::new());
        };
        output?
    }

    async fn run(&self, event: &Event, path: &Path) -> Result<Reply, BoxError> {
        if !executable::is_there(&self.dir, path)? {
            return Ok(Reply::accept());
        }
        let turn = self.turns.take(event).await?;
        let Some(child) = self.spawn(event, path)? else {
            return Ok(Reply::accept());
        };
        let output = match event.kind.is_question() {
            true => self.ask(child, event).await?,
            false => self.tell(child, event, turn).await?,
        };
        if output.is_empty() {
            return Ok(Reply::accept());
        }
        let reply = payload::reply(event.kind, &output);
        reply.map_err(|error| format!("{error}: {}", payload::excerpt(&output)).into())
    }
}

#[async_trait]
impl Hooks for ProcessHooks {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let path = self.dir.join(event.kind.as_str());
        let reply = self.run(event, &path).await;
        reply.map_err(|error| named(path.display(), error))
    }

    /// Whether the file of the hook exists. It may still fail to run.
    fn hears(&self, kind: HookKind) -> bool {
        let path = self.dir.join(kind.as_str());
        !matches!(executable::is_there(&self.dir, &path), Ok(false))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;
    use tower_tus_layers::gate::Refused;
    use tower_tus_layers::protocol::Upload;

    use super::*;

    #[test]
    fn without_descriptors_or_processes_each_question_is_busy_and_none_is_refused() {
        let (parts, ()) = ::http::Request::new(()).into_parts();
        let parts = Arc::new(parts);
        let hooks = ProcessHooks::new("hooks");
        for &kind in HookKind::ALL {
            let upload = Upload::new("a".parse().unwrap());
            let event = Event::new(kind, upload, Arc::clone(&parts));
            for code in [Errno::MFILE, Errno::NFILE, Errno::AGAIN] {
                let error = hooks.cannot_start(&event, Path::new("hook"), &code.into());
                let busy = matches!(error.downcast_ref(), Some(Error::HooksBusy));
                assert_eq!(busy, kind.is_question(), "{kind}: {error}");
                assert!(!error.is::<Refused>());
            }
            let error = hooks.cannot_start(&event, Path::new("hook"), &Errno::IO.into());
            assert!(!error.is::<Error>(), "{kind}: {error}");
        }
    }
}

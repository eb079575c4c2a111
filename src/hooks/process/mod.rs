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

/// How many run at once for each core unless set.
const PER_CORE: usize = 16;

/// Hooks that are executables in a directory: `<dir>/pre-create` and so on.
///
/// A moment without a file has no hook; files may come and go at any time.
/// Whatever has the name of a moment has to run: where it cannot, because it is not
/// executable, a directory, a dangling symlink, or a script whose interpreter is
/// missing (a line that ends in CRLF names another one), the hook has failed, and
/// so has every hook when the directory itself is gone.
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
/// # How many run at once
///
/// [`concurrency`](Self::concurrency): 16 for each core unless set. The others
/// wait, and connections take turns: many events of one delay those of another by
/// one hook. A question before a creation or a termination that waits longer than
/// the [`queue_timeout`](Self::queue_timeout) is answered with
/// [`Error::HooksBusy`]; `pre-finish` and notifications wait on. Where the system
/// has no descriptor or process left for a hook, each of the three questions is
/// answered so, and `pre-finish` is asked again by the next HEAD or PATCH.
///
/// # How long it may take
///
/// One that is asked (`pre-create`, `pre-finish`, `pre-terminate`) and takes
/// longer than the [`timeout`](Self::timeout), counted from its start, is killed,
/// with all processes of its group, and has failed; so is one whose answer nobody
/// waits for any more. One that is told something is not killed then: what
/// comes next is told meanwhile, and its reply comes too late. As many of those
/// as may run at once may run beside the others.
///
/// [`kill_all`](Self::kill_all) ends what still runs with the server. A server that
/// is killed itself (`kill -9`) leaves its hooks behind.
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
            turns: Turns::new(PER_CORE * available_parallelism().map_or(1, usize::from)),
            groups: Groups::default(),
            launcher: None,
        }
    }

    /// How long a hook is waited for: a minute unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many hooks run at once: 16 for each core unless set; 0 means unlimited.
    #[must_use]
    pub fn concurrency(mut self, hooks: usize) -> Self {
        self.turns = self.turns.concurrency(hooks);
        self
    }

    /// How long a question before a creation or a termination waits until a
    /// hook can be started for it: 10 seconds unless set.
    #[must_use]
    pub fn queue_timeout(mut self, timeout: Duration) -> Self {
        self.turns = self.turns.patience(timeout);
        self
    }

    /// Starts each hook through another program, with `args` and then the path of
    /// the hook as its arguments; by default hooks are started directly.
    ///
    /// The launcher can change what the hook inherits, such as limits. It must then
    /// replace itself with the hook, by [`exec`](Self::exec) or, in a shell, by
    /// `exec "$@"`: process id, stdin, stdout and stderr are the hook's.
    #[must_use]
    pub fn launcher<I>(mut self, program: impl Into<PathBuf>, args: I) -> Self
    where
        I: IntoIterator<Item: Into<OsString>>,
    {
        let args = args.into_iter().map(Into::into);
        self.launcher = Some(Launcher::new(program.into(), args.collect()));
        self
    }

    /// Replaces this process with the hook at `path`: the last step of a
    /// [`launcher`](Self::launcher). Returns only if that fails.
    ///
    /// The reason is then on stdout, and the launcher must exit with the code
    /// returned: the hook has failed, and the server logs why.
    #[cfg(unix)]
    #[must_use]
    pub fn exec(path: &Path) -> std::process::ExitCode {
        launcher::exec(path)
    }

    /// Kills every hook that runs, with all processes of its group, and each that
    /// is started later. For the end of a server, after all that it waits for.
    ///
    /// What a hook has left in the background before it ended is left alone.
    pub fn kill_all(&self) {
        self.groups.kill_all();
    }

    /// Starts the hook of this moment, if there is one.
    fn spawn(&self, event: &Event, path: &Path) -> Result<Option<Child>, BoxError> {
        // It may have gone while it waited for its turn.
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
        // Only a question has a client that can ask again.
        if executable::is_lack_of_resources(error) && event.kind.is_question() {
            tracing::debug!("type" = %event.kind, %error, "a hook cannot be started now");
            return Error::HooksBusy.into();
        }
        match &self.launcher {
            Some(launcher) => format!("cannot start {launcher}: {error}").into(),
            None => executable::reason(path, error).into(),
        }
    }

    /// The reply of a hook that ends in time, and the end of any other.
    async fn ask(&self, child: Child, event: &Event) -> Result<Vec<u8>, BoxError> {
        let group = self.groups.add(&child);
        let mut running = pin!(run(child, payload::request(event)));
        // Dropped first, while the hook still has its id.
        let group = group;
        let output = timeout(self.timeout, running.as_mut()).await;
        let output = output.map_err(|_| format!("it was killed after {:?}", self.timeout))?;
        group.let_go();
        output
    }

    /// The reply of a hook that ends in time. Any other goes on.
    async fn tell(&self, child: Child, event: &Event, turn: Turn) -> Result<Vec<u8>, BoxError> {
        let (sender, output) = oneshot::channel();
        let group = self.groups.add(&child);
        let running = run(child, payload::request(event));
        let (kind, id) = (event.kind, event.upload.id.clone());
        // The next one may run when this one is not waited for any more.
        let Turn {
            running: _turn,
            told,
        } = turn;
        tokio::spawn(async move {
            let mut running = pin!(running);
            // Dropped first, while the hook still has its id.
            let (group, _told) = (group, told);
            let output = running.as_mut().await;
            group.let_go();
            if let Err(Err(error)) = sender.send(output) {
                tracing::error!("type" = %kind, %id, %error, "HookInvocationError");
            }
        });
        let Ok(output) = timeout(self.timeout, output).await else {
            let waited = self.timeout;
            tracing::warn!(r#type = %kind, id = %event.upload.id, ?waited, "a hook still runs, and is not waited for");
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

    /// Whether there is something to run, though it may fail to.
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

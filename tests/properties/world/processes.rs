//! Servers as processes of their own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tower_tus::FileLocker;

use super::inside::{ATTEMPTS, HOURS, limits};
use super::times;
use crate::actions::{
    Durability, Evicts, Expiry, Finals, Form, Ground, Judges, Moment, Quota, Ruling,
};
use crate::driver::Fault;
use crate::harness::gateway::Gateway;
use crate::harness::{self, Server, Signal, command_of, patient};
use crate::model::Verdict;

/// Names another server than the debug one, such as that of a release.
const PROGRAM: &str = "TOWER_TUS_SERVER";

const EVENTS: [&str; 3] = ["pre-create", "pre-finish", "pre-terminate"];

pub(crate) struct Processes {
    home: TempDir,
    form: Form,
    /// Through which uploads are in a bucket.
    gateway: Option<Gateway>,
    /// Like that of a further server.
    locker: FileLocker,
    servers: Vec<Server>,
}

impl Processes {
    pub(super) async fn start(form: Form) -> Self {
        let home = TempDir::new().unwrap();
        let hooks = home.path().join("hooks");
        fs::create_dir(&hooks).unwrap();
        let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/properties/world/hook.sh");
        for event in EVENTS {
            symlink(&hook, hooks.join(event)).unwrap();
        }
        let locker = FileLocker::new(home.path().join("data"));
        let mut processes = Self {
            locker: locker.poll_interval(Duration::from_millis(2)),
            home,
            form,
            gateway: match form.ground {
                Ground::Bucket => Some(Gateway::start().await.expect("it is installed")),
                Ground::Memory | Ground::Files | Ground::Processes => None,
            },
            servers: Vec::new(),
        };
        for _ in 0..form.servers {
            let server = processes.launch().await;
            processes.servers.push(server);
        }
        processes
    }

    pub(super) fn address(&self, server: usize) -> SocketAddr {
        self.servers[server].address()
    }

    pub(super) async fn restart(&mut self, server: usize) {
        self.servers[server].signal(Signal::TERM);
        let status = self.servers[server].exit().await;
        assert_eq!(status.code(), Some(0), "a clean stop");
        self.start_again(server).await;
    }

    pub(super) async fn kill(&mut self, server: usize) {
        self.servers[server].signal(Signal::KILL);
        self.servers[server].exit().await;
    }

    pub(super) async fn start_again(&mut self, server: usize) {
        self.servers[server] = self.launch().await;
    }

    /// Writes what the hook of an event does from now on.
    pub(super) fn rule(&self, moment: Moment, ruling: Ruling) -> Verdict {
        let reject = |member| {
            let reply = format!(r#"{{"{member}":true,"HTTPResponse":{{"StatusCode":422}}}}"#);
            format!("echo '{reply}'; exit\n")
        };
        // A signal is a failure, but an exit code is a decision.
        let fail = || "kill -9 $$\n".to_owned();
        let (script, verdict) = match (moment, ruling) {
            (_, Ruling::Agree) => (String::new(), Verdict::Agrees),
            (_, Ruling::Fail) => (fail(), Verdict::Fails(500)),
            (Moment::Create, Ruling::Refuse) => (reject("RejectUpload"), Verdict::Refuses(422)),
            (Moment::Finish, Ruling::Refuse) => ("exit 1\n".to_owned(), Verdict::Refuses(500)),
            (Moment::Terminate, Ruling::Refuse) => {
                (reject("RejectTermination"), Verdict::Refuses(422))
            }
        };
        fs::write(self.script(moment), script).unwrap();
        verdict
    }

    fn script(&self, moment: Moment) -> PathBuf {
        let event = match moment {
            Moment::Create => EVENTS[0],
            Moment::Finish => EVENTS[1],
            Moment::Terminate => EVENTS[2],
        };
        self.home.path().join("hooks").join(format!("{event}.does"))
    }

    /// Returns the directory of uploads, or of their objects.
    pub(super) fn data(&self) -> PathBuf {
        match &self.gateway {
            Some(gateway) => gateway.dir(),
            None => self.home.path().join("data"),
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        match &self.gateway {
            Some(gateway) => [gateway.keys(), gateway.multiparts()].concat(),
            None => harness::names(&self.data()),
        }
    }

    pub(super) async fn sweep(&self, older_than: Duration) -> Result<(), Fault> {
        let older_than = format!("-older-than={}s", older_than.as_secs());
        // Whatever the sweep removes because it has expired, it does not tell the account.
        let form = match self.form.quota {
            Quota::Unlimited => self.form,
            Quota::Total | Quota::PerOwner => Form {
                expiry: Expiry::Never,
                ..self.form
            },
        };
        let args = [vec![older_than], args(form)].concat();
        let mut sweep = self.command(&["sweep"], &args);
        let output = patient(sweep.output()).await.expect("it can be started");
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("a sweep has failed: {output:?}")),
        }
    }

    pub(super) async fn make_older(&self, id: &str, days: u8) {
        let by = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
        match self.gateway {
            Some(_) => times::set_creation_back(&self.data(), id, by),
            None => times::set_back(&self.locker, &self.data(), id, by).await,
        }
    }

    pub(super) async fn is_removed(&self, id: &str) -> bool {
        times::is_removed(&self.data(), id).await
    }

    async fn launch(&self) -> Server {
        let command = self.command(&[], &args(self.form));
        Server::launch(self.home.path(), command).await
    }

    fn command(&self, name: &[&str], args: &[String]) -> Command {
        let program = std::env::var(PROGRAM);
        let program = program
            .as_deref()
            .unwrap_or(env!("CARGO_BIN_EXE_tower-tusd"));
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let mut command = command_of(&[&[program], name].concat(), self.home.path(), &args);
        if let Some(gateway) = &self.gateway {
            gateway.tell(&mut command);
        }
        command
    }
}

fn args(form: Form) -> Vec<String> {
    let durability = match form.durability {
        Durability::None => "none",
        Durability::Finish => "finish",
        Durability::Offset => "offset",
    };
    let mut args = vec![
        format!("-durability={durability}"),
        "-log-level=error".to_owned(),
        "-filelock-holder-poll-interval=2ms".to_owned(),
        "-filelock-acquirer-poll-interval=2ms".to_owned(),
    ];
    let (total, per_owner) = limits(form.evicts);
    if form.quota != Quota::Unlimited {
        args.push(format!("-store-size={total}"));
    }
    if form.quota == Quota::PerOwner {
        args.push(format!("-store-size-per-owner={per_owner}"));
        args.push("-owner-key=owner".to_owned());
    }
    match form.evicts {
        Evicts::Nothing => {}
        Evicts::Unfinished => args.push("-store-evict=unfinished".to_owned()),
        Evicts::Finished => args.push("-store-evict=finished".to_owned()),
    }
    if form.expiry != Expiry::Never {
        args.push(format!("-expiration={HOURS}h"));
        args.push("-expiration-scan-interval=50ms".to_owned());
    }
    if form.expiry == Expiry::AfterCreation {
        args.push("-expiration-mode=fixed".to_owned());
    }
    if form.finals == Finals::OfAny {
        args.push("-concatenation-unfinished".to_owned());
    }
    if form.judges == Judges::Present {
        args.push("-hooks-dir=hooks".to_owned());
        args.push(format!("-hooks-enabled-events={}", EVENTS.join(",")));
        args.push(format!("-hooks-finish-attempts={ATTEMPTS}"));
    }
    args
}

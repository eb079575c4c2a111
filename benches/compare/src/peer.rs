//! The servers that are compared, and how each is started.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::Result;
use crate::certificate::Certificate;
use crate::gateway::Gateway;
use crate::options::{Durability, FloorKind, What, Wire, name};

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Peer {
    /// tower-tusd.
    #[value(skip)]
    Ours,
    /// Two stores of tower-tus in one process.
    #[value(skip)]
    Stores,
    /// A hyper server that writes the body to a file, and checks nothing.
    Floor,
    /// A tus server that does only what the protocol demands.
    Honest,
    /// A hyper server that passes the body to a writer of parts, for a bucket.
    Multipart,
    /// The Go server.
    Tusd,
    /// The Node.js server, `@tus/server` with `@tus/file-store`.
    Node,
    /// nginx, for downloads.
    Nginx,
}

impl Peer {
    /// All but our own.
    pub(crate) const OTHERS: [Self; 6] = [
        Self::Floor,
        Self::Honest,
        Self::Multipart,
        Self::Tusd,
        Self::Node,
        Self::Nginx,
    ];

    /// Whether it is measured whatever it is to be compared with.
    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::Stores)
    }

    /// What a report calls it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Ours => "tower-tusd",
            Self::Stores => "two stores in one process",
            Self::Floor => "floor (F)",
            Self::Honest => "honest floor (H)",
            Self::Multipart => "writer of parts (M)",
            Self::Tusd => "tusd",
            Self::Node => "@tus/server",
            Self::Nginx => "nginx",
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ours if ours.is_ours() => f.write_str(ours.title()),
            other => f.write_str(&name(other)),
        }
    }
}

/// The programs of all servers.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) ours: PathBuf,
    /// Additional flags of our server.
    pub(crate) args: Vec<String>,
    /// This program, which contains the floors and the two stores.
    pub(crate) bench: PathBuf,
    pub(crate) tusd: PathBuf,
    pub(crate) gateway: PathBuf,
    pub(crate) node: PathBuf,
}

/// How a server is to listen and store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) port: u16,
    pub(crate) wire: Wire,
    pub(crate) durability: Durability,
    pub(crate) certificate: &'a Certificate,
    /// Where the bucket is, unless uploads are files.
    pub(crate) gateway: Option<&'a Gateway>,
    /// Its working directory. Uploads are in `data` there.
    pub(crate) home: &'a Path,
}

impl Programs {
    /// Finds the programs in the repository, and builds our server unless one is given.
    pub(crate) fn find(what: &What) -> Result<Self> {
        let bench = std::env::current_exe()?;
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let ours = match &what.server {
            Some(path) => path.canonicalize()?,
            None => build(&repository, &what.profile, &bench)?,
        };
        Ok(Self {
            ours,
            args: what.args.clone(),
            bench,
            tusd: repository.join("target/go/tusd"),
            gateway: repository.join("target/go/versitygw"),
            node: repository.join("benches/compare/node"),
        })
    }

    /// Returns why a server cannot be measured here, with the remedy.
    pub(crate) fn missing(&self, peer: Peer) -> Option<&'static str> {
        let runs = |program| Command::new(program).arg("-v").output().is_ok();
        match peer {
            Peer::Tusd if !self.tusd.exists() => {
                Some("(cd tests/tusd/go && go build -o ../../../target/go/tusd tool)")
            }
            Peer::Node if !runs("node") => Some("apt-get install nodejs npm"),
            Peer::Node if !self.node.join("node_modules/@tus/server").exists() => {
                Some("npm install --prefix benches/compare/node")
            }
            Peer::Nginx if !runs("nginx") => Some("apt-get install nginx-light"),
            _ => None,
        }
    }

    /// Whether the server with a bucket is installed. Otherwise it says how to do so.
    pub(crate) fn has_gateway(&self) -> bool {
        let exists = self.gateway.exists();
        if !exists {
            eprintln!(
                "skipped: uploads to a bucket \
                 (install: (cd tests/s3/go && go build -o ../../../target/go/versitygw tool))"
            );
        }
        exists
    }

    /// Returns the command that starts a server.
    pub(crate) fn command(&self, peer: Peer, setting: &Setting<'_>) -> Result<Command> {
        let mut command = match peer {
            Peer::Ours => {
                let mut command = Command::new(&self.ours);
                command.arg(format!("-durability={}", name(&setting.durability)));
                like_tusd(&mut command, setting);
                command.args(&self.args);
                command
            }
            Peer::Stores => {
                let mut command = Command::new(&self.bench);
                command.arg("stores");
                command.arg(format!("--port={}", setting.port));
                command
            }
            Peer::Tusd => {
                let mut command = Command::new(&self.tusd);
                like_tusd(&mut command, setting);
                if setting.wire == Wire::H2c {
                    command.arg("-enable-h2c");
                }
                command
            }
            Peer::Floor => self.floor(FloorKind::Writer, setting),
            Peer::Honest => self.floor(FloorKind::Honest, setting),
            Peer::Multipart => self.floor(FloorKind::Multipart, setting),
            Peer::Node => {
                let mut command = Command::new("node");
                command.arg(self.node.join("server.mjs"));
                command.arg(setting.port.to_string());
                command
            }
            Peer::Nginx => nginx(setting)?,
        };
        command.current_dir(setting.home);
        Ok(command)
    }

    fn floor(&self, kind: FloorKind, setting: &Setting<'_>) -> Command {
        let mut command = Command::new(&self.bench);
        command
            .arg("floor")
            .arg(format!("--kind={}", name(&kind)))
            .arg(format!("--port={}", setting.port))
            .arg(format!("--wire={}", name(&setting.wire)))
            .arg(format!("--durability={}", name(&setting.durability)));
        if let Some(gateway) = setting.gateway {
            command.arg(format!("--gateway={}", gateway.url()));
        }
        command
    }
}

/// Adds the flags that tusd has as well.
fn like_tusd(command: &mut Command, setting: &Setting<'_>) {
    command
        .args(["-host=127.0.0.1", "-upload-dir=data"])
        .arg(format!("-port={}", setting.port));
    if let Some(gateway) = setting.gateway {
        gateway.configure(command);
    }
    if setting.wire.is_tls() {
        let certificate = setting.certificate;
        command
            .arg(format!("-tls-certificate={}", certificate.file().display()))
            .arg(format!("-tls-key={}", certificate.key().display()));
    }
}

/// Writes a minimal configuration for nginx with Debian's defaults for files.
fn nginx(setting: &Setting<'_>) -> Result<Command> {
    let home = setting.home.display();
    let port = setting.port;
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let configuration = format!(
        "{user} daemon off; worker_processes auto; pid {home}/nginx.pid; error_log stderr crit;
         events {{ worker_connections 1024; }}
         http {{
             access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
             client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
             fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi;
             scgi_temp_path {home}/scgi;
             server {{ listen 127.0.0.1:{port}; location /files/ {{ alias {home}/data/; }} }}
         }}"
    );
    let path = setting.home.join("nginx.conf");
    std::fs::write(&path, configuration)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(path);
    Ok(command)
}

/// Builds `tower-tusd` like the README, and returns its path.
fn build(repository: &Path, profile: &str, bench: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let status = Command::new(cargo)
        .current_dir(repository)
        .args(["build", "--features=server", "--bin=tower-tusd"])
        .arg(format!("--profile={profile}"))
        .status()?;
    if !status.success() {
        return Err("tower-tusd does not build".into());
    }
    // This program is in `<target>/<profile>`.
    let target = bench.ancestors().nth(2).ok_or("the target directory")?;
    Ok(target.join(profile).join("tower-tusd"))
}

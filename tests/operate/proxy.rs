//! Proxies as separate processes, with the configuration from
//! `examples/operate`.

use std::fs::{read_to_string, write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::example;
use crate::harness::services::require;
use crate::harness::{Server, patient};

/// A proxy program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    name: &'static str,
    /// The argument that prints its version.
    version: &'static str,
    package: &'static str,
    example: &'static str,
    /// The lines of the example that set the addresses for http and https.
    listen: [&'static str; 2],
    /// The same lines with other ports.
    elsewhere: fn(port: u16) -> [String; 2],
    /// The configuration that a system has around such a file.
    before: &'static str,
    after: &'static str,
    run: &'static [&'static str],
}

pub(crate) const NGINX: Program = Program {
    name: "nginx",
    version: "-v",
    package: "nginx-light",
    example: "nginx.conf",
    listen: ["listen 80;", "listen 443 "],
    elsewhere: |port| {
        let listen = format!("listen 127.0.0.1:{port}");
        [format!("{listen};"), format!("{listen} ")]
    },
    before:
        "daemon off; master_process off; pid HOME/pid; error_log stderr;
        events {}
        http {
            access_log off;
            client_body_temp_path HOME/body; proxy_temp_path HOME/proxy;
            fastcgi_temp_path HOME/fastcgi; uwsgi_temp_path HOME/uwsgi; scgi_temp_path HOME/scgi;\n",
    after: "}\n",
    run: &["-p", "HOME", "-c", "HOME/config", "-e", "stderr"],
};

pub(crate) const APACHE: Program = Program {
    name: "apache2",
    version: "-v",
    package: "apache2",
    example: "apache.conf",
    listen: ["<VirtualHost *:80>", "<VirtualHost *:443>"],
    elsewhere: |port| [(); 2].map(|()| format!("Listen 127.0.0.1:{port}\n<VirtualHost *:{port}>")),
    before: "ServerRoot HOME
        DefaultRuntimeDir HOME
        PidFile HOME/pid
        ErrorLog /dev/stderr
        LogLevel crit
        User www-data
        Group www-data
        ServerName tus.example
        LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
        LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
        LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
        LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so
        LoadModule macro_module /usr/lib/apache2/modules/mod_macro.so
        LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
        LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
        LoadModule reqtimeout_module /usr/lib/apache2/modules/mod_reqtimeout.so
        LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n",
    after: "",
    run: &["-X", "-f", "HOME/config"],
};

pub(crate) const CADDY: Program = Program {
    name: "caddy",
    version: "version",
    package: "caddy",
    example: "Caddyfile",
    listen: ["http://:80 ", "https://:443 "],
    elsewhere: |port| ["http", "https"].map(|scheme| format!("{scheme}://:{port} ")),
    before: "{\n\tadmin off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\n",
    after: "",
    run: &["run", "--config", "HOME/config", "--adapter", "caddyfile"],
};

pub(crate) const HAPROXY: Program = Program {
    name: "haproxy",
    version: "-v",
    package: "haproxy",
    example: "haproxy.cfg",
    listen: ["bind :80\n", "bind :443 "],
    elsewhere: |port| {
        let bind = format!("bind 127.0.0.1:{port}");
        [format!("{bind}\n"), format!("{bind} ")]
    },
    before: "",
    after: "",
    run: &["-db", "-f", "HOME/config"],
};

/// A running proxy in front of a running server. Both are killed on drop.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) server: Server,
    pub(crate) http: u16,
    pub(crate) https: u16,
    home: TempDir,
}

impl Proxy {
    /// Starts both, unless the proxy is not installed.
    pub(crate) async fn start(program: Program) -> Option<Self> {
        let present = command(program.name).arg(program.version).output().await;
        let install = format!("apt-get install {}", program.package);
        if !require(program.name, present.is_ok(), &install) {
            return None;
        }
        let server = Server::start(&["-behind-proxy"]).await;
        let home = TempDir::new().unwrap();
        let [http, https] = free_ports();
        write_certificate(home.path());
        let config = configuration(program, &server, home.path(), [http, https]);
        write(home.path().join("config"), config).unwrap();

        let in_home = |word: &&str| word.replace("HOME", home.path().to_str().unwrap());
        let child = command(program.name)
            .args(program.run.iter().map(in_home))
            // Caddy stores its data there.
            .env("HOME", home.path())
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut proxy = Self {
            child,
            server,
            http,
            https,
            home,
        };
        patient(proxy.listens()).await;
        Some(proxy)
    }

    async fn listens(&mut self) {
        for port in [self.http, self.https] {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .is_err()
            {
                let ended = self.child.try_wait().unwrap();
                assert!(ended.is_none(), "the proxy ended: {ended:?}");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Returns the path of the proxy's certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.home.path().join("cert.pem")
    }
}

/// Returns the example, with paths and ports for a test.
fn configuration(program: Program, server: &Server, home: &Path, ports: [u16; 2]) -> String {
    let mut config = read_to_string(example(program.example)).unwrap();
    let mut replace = |from: &str, to: &str| {
        assert!(config.contains(from), "{from} is not in the example");
        config = config.replace(from, to);
    };
    replace("127.0.0.1:8080", &server.address().to_string());
    let home = home.to_str().unwrap();
    replace("/etc/ssl/tus", home);
    for (which, port) in ports.into_iter().enumerate() {
        replace(program.listen[which], &(program.elsewhere)(port)[which]);
    }
    let [before, after] = [program.before, program.after].map(|part| part.replace("HOME", home));
    before + &config + &after
}

fn command(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    // The `PATH` of some users lacks these directories.
    command.env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin"));
    command
}

/// Returns ports that were free just now: proxies cannot choose them.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn write_certificate(home: &Path) {
    let params = CertificateParams::new(["tus.example".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let key = key.serialize_pem();
    write(home.join("both.pem"), certificate.clone() + &key).unwrap();
    write(home.join("cert.pem"), certificate).unwrap();
    write(home.join("key.pem"), key).unwrap();
}

//! An nginx between a client and the server.

use std::fs::write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::harness::services::require;
use crate::harness::{Server, patient};

const CONFIG: &str = "
daemon off;
master_process off;
pid HOME/pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path HOME/body;
    proxy_temp_path HOME/proxy;
    fastcgi_temp_path HOME/fastcgi;
    uwsgi_temp_path HOME/uwsgi;
    scgi_temp_path HOME/scgi;
    proxy_cache_path HOME/cache keys_zone=uploads:1m;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    server {
        listen 127.0.0.1:PORT;
        client_max_body_size 0;
        LOCATION
    }
}
";

/// Caches responses, and therefore turns HEAD into GET.
pub(crate) const CACHE: &str = "location / {
    proxy_pass http://SERVER;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_cache uploads;
    proxy_cache_convert_head on;
    proxy_cache_valid any 10m;
}";

/// Strips `/api`, and sends the headers that `examples/operate` documents.
pub(crate) const STRIP_AND_FORWARD: &str = "location /api/ {
    proxy_pass http://SERVER/;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Prefix /api;
    proxy_set_header X-Forwarded-Port '';
    proxy_set_header Forwarded '';
    proxy_redirect off;
}";

/// Strips `/api`, forwards the client's host, and restores the prefix in
/// `Location`.
pub(crate) const STRIP_AND_REDIRECT: &str = "location /api/ {
    proxy_pass http://SERVER/;
    proxy_set_header Host $http_host;
    proxy_redirect http://$http_host/ http://$http_host/api/;
}";

/// Strips `/api` and keeps nginx's defaults: the server sees its own address as
/// the host.
pub(crate) const STRIP: &str = "location /api/ {
    proxy_pass http://SERVER/;
}";

/// A running nginx, killed on drop.
pub(crate) struct Nginx {
    _child: Child,
    _home: TempDir,
}

impl Nginx {
    /// Whether nginx is installed.
    pub(crate) async fn is_installed() -> bool {
        let version = command().arg("-v").stderr(Stdio::null()).status().await;
        require("nginx", version.is_ok(), "apt-get install nginx-light")
    }

    /// Returns a port that was free just now: nginx cannot choose one itself.
    pub(crate) fn port() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap().port()
    }

    /// Starts nginx on `port` in front of `server`.
    pub(crate) async fn before(server: &Server, port: u16, location: &str) -> Self {
        let home = TempDir::new().unwrap();
        let path = home.path().to_str().unwrap();
        let config = CONFIG
            .replace("LOCATION", location)
            .replace("HOME", path)
            .replace("PORT", &port.to_string())
            .replace("SERVER", &server.address().to_string());
        let file = home.path().join("config");
        write(&file, config).unwrap();
        let mut child = command()
            .args(["-p", path, "-e", "stderr", "-c"])
            .arg(file)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let listens = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .is_err()
            {
                let ended = child.try_wait().unwrap();
                assert!(ended.is_none(), "nginx ended: {ended:?}");
                sleep(Duration::from_millis(20)).await;
            }
        };
        patient(listens).await;
        Self {
            _child: child,
            _home: home,
        }
    }
}

fn command() -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("nginx");
    // The `PATH` of some users lacks these directories.
    command.env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin"));
    command
}

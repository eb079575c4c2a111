//! Two servers behind a balancer, each with a gateway of its own, one of which is killed again and again.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::harness::gateway::Gateway;
use super::harness::services::require;
use super::harness::{Server, command_over};
use super::{bytes, id};

/// As much as needs several parts of each of the partial uploads. With
/// `TOWER_TUS_LONG_TESTS=1` it is 1 GiB.
const SIZE: usize = 200_000_000;
const LONG_SIZE: usize = 1 << 30;
/// A client that is unlucky with each retry takes long.
const LIMIT: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_client_behind_a_balancer_loses_nothing_while_servers_are_killed() {
    let (Some(gateway), true) = (Gateway::start().await, programs_are_there().await) else {
        return;
    };
    let home = TempDir::new().unwrap();
    // A server has to live for as long as it takes to concatenate.
    let (size, pause) = match std::env::var_os("TOWER_TUS_LONG_TESTS") {
        Some(_) => (LONG_SIZE, Duration::from_secs(4)),
        None => (SIZE, Duration::from_millis(600)),
    };
    let file = home.path().join("file");
    fs::write(&file, bytes(0, size)).unwrap();
    let ports = [free_port(), free_port()];
    let gateways = [gateway.another().await, gateway];
    let start = |which: usize| start(&gateways[which], home.path(), ports[which]);
    let mut servers = vec![start(0).await, start(1).await];
    let (_balancer, endpoint) = balance(home.path(), ports).await;

    let mut kills = 0;
    let killing = async {
        loop {
            sleep(pause).await;
            let which = kills % 2;
            // Dropping it kills it.
            drop(servers.remove(which));
            sleep(Duration::from_millis(200)).await;
            servers.insert(which, start(which).await);
            kills += 1;
        }
    };
    let (url, retries) = tokio::select! {
        ended = timeout(LIMIT, upload(&endpoint, &file)) => ended.expect("it takes too long"),
        () = killing => unreachable!("it goes on until the client ends"),
    };
    let stored = gateways[0].bytes(id(&url)).unwrap();
    assert!(stored == bytes(0, size), "other bytes");
    println!("{kills} kills, {retries} retries");
    assert!(kills > 0, "nothing was killed");
}

/// Uploads the file, and returns its URL and the number of retries. Node.js ends a client
/// that does not listen to a connection any more when this breaks: it begins again then.
async fn upload(endpoint: &str, file: &Path) -> (String, String) {
    loop {
        let output = Command::new("node")
            .arg(in_repository("tests/clients/stubborn.mjs"))
            .arg(endpoint)
            .arg(file)
            .arg("4")
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        if let Some((url, retries)) = printed.trim().split_once('\n') {
            return (url.to_owned(), retries.to_owned());
        }
        let error = String::from_utf8_lossy(&output.stderr);
        let is_known = error.is_empty() || error.contains("ECONNRESET") || error.contains("EPIPE");
        assert!(is_known, "{error}");
    }
}

async fn start(gateway: &Gateway, home: &Path, port: u16) -> Server {
    let command = command_over(gateway, home, &["-behind-proxy", &format!("-port={port}")]);
    Server::launch(home, command).await
}

/// Starts a balancer that sends each request to the next server.
async fn balance(home: &Path, ports: [u16; 2]) -> (Child, String) {
    let port = free_port();
    let [a, b] = ports;
    let config = format!(
        "defaults\n mode http\n timeout connect 1s\n timeout client 60s\n timeout server 60s\n\
        \x20option redispatch\n retries 3\n\
        frontend all\n bind 127.0.0.1:{port}\n default_backend servers\n\
        backend servers\n balance roundrobin\n default-server check inter 100ms fall 1 rise 1\n\
        \x20server a 127.0.0.1:{a}\n server b 127.0.0.1:{b}\n"
    );
    let path = home.join("haproxy.cfg");
    fs::write(&path, config).unwrap();
    let balancer = Command::new("haproxy")
        .args(["-db", "-f"])
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let address = format!("127.0.0.1:{port}");
    while TcpStream::connect(&address).await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    (balancer, format!("http://{address}/files/"))
}

async fn programs_are_there() -> bool {
    let module = in_repository("tests/clients/node_modules/tus-js-client/package.json");
    let install = "npm install --prefix tests/clients (with Node.js 18 or newer)";
    let client = module.is_file() && runs("node", "--version").await;
    require("tus-js-client", client, install)
        && require(
            "HAProxy",
            runs("haproxy", "-v").await,
            "apt-get install haproxy",
        )
}

async fn runs(program: &str, version: &str) -> bool {
    let mut command = Command::new(program);
    let status = command.arg(version).stdout(Stdio::null()).status();
    status.await.is_ok_and(|status| status.success())
}

fn in_repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

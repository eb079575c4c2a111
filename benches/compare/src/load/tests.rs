//! A short load on each server.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::options::{Durability, Wire};
use crate::peer::{Peer, Programs};

const PLAN: Plan = Plan {
    connections: 4,
    threads: 2,
    warm_up: Duration::from_millis(100),
    timed: Duration::from_millis(400),
};

fn programs() -> Programs {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    Programs {
        ours: profile.join("tower-tusd"),
        args: Vec::new(),
        bench: test,
        tusd: repository.join("target/go/tusd"),
        gateway: repository.join("target/go/versitygw"),
        node: repository.join("benches/compare/node"),
    }
}

/// Starts a server if it is installed.
fn start(peer: Peer, wire: Wire, home: &Path) -> Option<Server> {
    start_over(peer, wire, false, home)
}

fn start_over(peer: Peer, wire: Wire, has_bucket: bool, home: &Path) -> Option<Server> {
    let programs = programs();
    let missing = match peer {
        Peer::Ours if !programs.ours.exists() => Some("cargo build --features server"),
        peer => programs.missing(peer),
    };
    if !services::require(peer.title(), missing.is_none(), missing.unwrap_or_default()) {
        return None;
    }
    Some(Server::start(&programs, peer, wire, Durability::None, has_bucket, home).unwrap())
}

/// Puts each kind of upload on a server.
fn upload(peer: Peer) {
    let home = tempfile::tempdir().unwrap();
    let Some(server) = start(peer, Wire::H1, home.path()) else {
        return;
    };
    for work in [
        closed::Work::Upload { bytes: 4096 },
        closed::Work::CreateWith { bytes: 4096 },
        closed::Work::Chunks {
            chunk: 4096,
            upload: 9000,
            start: None,
        },
    ] {
        let sample = closed::run(&server, work.clone(), &PLAN).unwrap();
        assert!(sample[&Metric::Rate] > 0.0, "{work:?} {sample:?}");
        assert!(sample[&Metric::P50] <= sample[&Metric::P99], "{sample:?}");
    }
    let large = bulk::Work::Upload { bytes: 3 << 20 };
    let sample = bulk::run(&server, &large, &PLAN).unwrap();
    assert!(sample[&Metric::Rate] > 0.0, "{sample:?}");
    let trickle = trickle::Trickle {
        uploads: 20,
        piece: 10,
        interval: Duration::from_millis(100),
        time: Duration::from_secs(1),
    };
    let sample = trickle::run(&server, trickle).unwrap();
    assert!(sample[&Metric::Threads] >= 1.0, "{sample:?}");
}

#[test]
fn tower_tusd_answers_every_load() {
    upload(Peer::Ours);
}

#[test]
fn tusd_answers_every_load() {
    upload(Peer::Tusd);
}

#[test]
fn the_node_server_answers_every_load() {
    upload(Peer::Node);
}

#[test]
fn tower_tusd_and_tusd_upload_over_http2_and_tls() {
    for (peer, wires) in [
        (Peer::Ours, &[Wire::H2c, Wire::TlsH1, Wire::TlsH2][..]),
        // tusd does not offer HTTP/2 over TLS.
        (Peer::Tusd, &[Wire::H2c, Wire::TlsH1]),
    ] {
        for wire in wires {
            let home = tempfile::tempdir().unwrap();
            let Some(server) = start(peer, *wire, home.path()) else {
                continue;
            };
            let large = bulk::Work::Upload { bytes: 3 << 20 };
            bulk::run(&server, &large, &PLAN).unwrap();
        }
    }
}

#[test]
fn servers_over_a_bucket_take_large_uploads() {
    let programs = programs();
    let install = "(cd tests/s3/go && go build -o ../../../target/go/versitygw tool)";
    if !services::require("versitygw", programs.gateway.exists(), install) {
        return;
    }
    for peer in [Peer::Ours, Peer::Tusd] {
        let home = tempfile::tempdir().unwrap();
        let Some(server) = start_over(peer, Wire::H1, true, home.path()) else {
            continue;
        };
        let large = bulk::Work::Upload { bytes: 9 << 20 };
        bulk::run(&server, &large, &PLAN).unwrap();
    }
}

#[test]
fn a_download_is_as_long_as_the_upload_or_it_is_an_error() {
    for peer in [Peer::Ours, Peer::Tusd, Peer::Nginx] {
        let home = tempfile::tempdir().unwrap();
        let Some(server) = start(peer, Wire::H1, home.path()) else {
            continue;
        };
        let path = crate::compare::place(peer, &server, 5000).unwrap();
        let download = |bytes| {
            let path = path.clone();
            closed::run(&server, closed::Work::Download { path, bytes }, &PLAN)
        };
        assert!(download(5000).unwrap()[&Metric::Rate] > 0.0, "{peer}");
        let error = download(5001).unwrap_err().to_string();
        assert_eq!(error, "5000 bytes instead of 5001", "{peer}");
    }
}

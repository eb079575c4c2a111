//! The scenarios, which `benches/README.md` describes.

use std::time::Duration;

use crate::load::closed::Work;
use crate::load::trickle::Trickle;
use crate::options::Wire;
use crate::peer::Peer;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SMALL: u64 = 4 * KIB;
const CONNECTIONS: usize = 32;

/// A comparison: the first contender of each group with the others.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// On the command line.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: Unit,
    pub(crate) contenders: Vec<Contender>,
}

/// A server, and what it has to do.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    pub(crate) label: String,
    pub(crate) peer: Peer,
    pub(crate) wire: Wire,
    pub(crate) load: Load,
    /// Whether uploads are in a bucket of an object store, not in files.
    pub(crate) has_bucket: bool,
    /// Number of uploads in the directory.
    pub(crate) uploads: u64,
    /// The first contender of a group is compared with the others there, and with the
    /// first of the group before.
    pub(crate) group: usize,
}

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// MiB in a second, and CPU seconds for a GiB.
    Bytes,
    /// Requests or uploads in a second, and CPU milliseconds for each.
    Each(&'static str),
}

/// What the clients do.
#[derive(Clone, Debug)]
pub(crate) enum Load {
    /// Uploads of `bytes`, all at once.
    Upload { uploads: usize, bytes: u64 },
    /// A GET of `bytes`.
    Download { bytes: u64 },
    /// GETs of `bytes`, again and again.
    Downloads { bytes: u64, connections: usize },
    /// Work, again and again.
    Closed { work: Work, connections: usize },
    /// PATCHes of 64 KiB to an upload that has `offset` bytes.
    Resume { offset: u64 },
    /// Uploads to a disk that hangs.
    Stall,
    /// Uploads that receive a little now and then.
    Trickle(Trickle),
}

impl Contender {
    fn new(peer: Peer, wire: Wire, load: &Load) -> Self {
        Self {
            label: peer.title().to_owned(),
            peer,
            wire,
            load: load.clone(),
            has_bucket: false,
            uploads: 0,
            group: 0,
        }
    }
}

/// Everything that speaks tus over HTTP/1.1.
const ALL: &[Peer] = &[
    Peer::Ours,
    Peer::Floor,
    Peer::Honest,
    Peer::Tusd,
    Peer::Node,
];
/// What also speaks HTTP/2, and TLS.
const MODERN: &[Peer] = &[Peer::Ours, Peer::Floor, Peer::Honest, Peer::Tusd];
const STALLED: &[Peer] = match cfg!(feature = "stores") {
    true => &[Peer::Ours, Peer::Stores],
    false => &[Peer::Ours],
};
const DOWNLOADS: &[Peer] = &[Peer::Ours, Peer::Tusd, Peer::Nginx];

/// Returns all scenarios.
pub(crate) fn all() -> Vec<Scenario> {
    let large = Load::Upload {
        uploads: 1,
        bytes: GIB,
    };
    let closed = |work, connections| Load::Closed { work, connections };
    let upload = closed(Work::Upload { bytes: SMALL }, CONNECTIONS);
    let create = closed(Work::CreateWith { bytes: SMALL }, CONNECTIONS);
    let (uploads, requests) = (Unit::Each("uploads/s"), Unit::Each("requests/s"));
    vec![
        scenario(
            "s1",
            "1 GiB in one PATCH",
            Unit::Bytes,
            ALL,
            Wire::H1,
            &large,
        ),
        scenario(
            "s2",
            "eight uploads of 256 MiB at once",
            Unit::Bytes,
            ALL,
            Wire::H1,
            &Load::Upload {
                uploads: 8,
                bytes: 256 * MIB,
            },
        ),
        scenario(
            "s3",
            "POST, PATCH of 4 KiB, HEAD; 32 connections",
            uploads,
            ALL,
            Wire::H1,
            &upload,
        ),
        scenario(
            "s4",
            "POST with 4 KiB; 32 connections",
            uploads,
            ALL,
            Wire::H1,
            &create,
        ),
        scenario(
            "s5",
            "PATCHes of 64 KiB, one after another; one connection",
            requests,
            ALL,
            Wire::H1,
            &closed(
                Work::Chunks {
                    chunk: 64 * KIB,
                    upload: 64 * MIB,
                    start: None,
                },
                1,
            ),
        ),
        scenario(
            "s6",
            "2,000 uploads that receive 1 KiB each second",
            requests,
            MODERN,
            Wire::H1,
            &Load::Trickle(Trickle {
                uploads: 2000,
                piece: KIB,
                interval: Duration::from_secs(1),
                time: Duration::from_secs(20),
            }),
        ),
        scenario(
            "s7-large",
            "1 GiB in one PATCH, over HTTP/2",
            Unit::Bytes,
            MODERN,
            Wire::H2c,
            &large,
        ),
        scenario(
            "s7-upload",
            "POST, PATCH of 4 KiB, HEAD; 32 connections over HTTP/2",
            uploads,
            MODERN,
            Wire::H2c,
            &upload,
        ),
        scenario(
            "s7-create",
            "POST with 4 KiB; 32 connections over HTTP/2",
            uploads,
            MODERN,
            Wire::H2c,
            &create,
        ),
        scenario(
            "s8-h1",
            "1 GiB in one PATCH, HTTP/1.1 over TLS",
            Unit::Bytes,
            MODERN,
            Wire::TlsH1,
            &large,
        ),
        tls_h2(&large),
        scenario(
            "s9-large",
            "GET of 1 GiB",
            Unit::Bytes,
            DOWNLOADS,
            Wire::H1,
            &Load::Download { bytes: GIB },
        ),
        scenario(
            "s9-small",
            "GET of 4 KiB; 32 connections",
            requests,
            DOWNLOADS,
            Wire::H1,
            &Load::Downloads {
                bytes: SMALL,
                connections: CONNECTIONS,
            },
        ),
        Scenario {
            id: "s10",
            title: "the stack alone",
            unit: requests,
            contenders: Vec::new(),
        },
        scenario(
            "s11",
            "64 uploads to a disk that hangs for 4 s",
            requests,
            STALLED,
            Wire::H1,
            &Load::Stall,
        ),
        growth(
            "s12-connections",
            "POST, PATCH of 4 KiB, HEAD, on more and more connections",
            uploads,
            MODERN,
            &[
                ("1 connection", 1),
                ("10 connections", 10),
                ("100 connections", 100),
                ("1,000 connections", 1000),
            ]
            .map(|(name, connections)| Size {
                name,
                load: closed(Work::Upload { bytes: SMALL }, connections),
                uploads: 0,
            }),
        ),
        growth(
            "s12-uploads",
            "POST, PATCH of 4 KiB, HEAD, in a directory with many uploads",
            uploads,
            // The floor has no random ids, so it cannot go on in a directory.
            &[Peer::Ours, Peer::Honest, Peer::Tusd],
            &[("10 uploads", 10), ("1,000,000 uploads", 1_000_000)].map(|(name, uploads)| Size {
                name,
                load: upload.clone(),
                uploads,
            }),
        ),
        growth(
            "s12-offset",
            "PATCHes of 64 KiB behind what is there already",
            requests,
            MODERN,
            &[("0 GiB there", 0), ("99 GiB there", 99)].map(|(name, gib)| Size {
                name,
                load: Load::Resume { offset: gib * GIB },
                uploads: 0,
            }),
        ),
        scenario(
            "s12-quiet",
            "1,500 uploads whose clients send nothing",
            requests,
            MODERN,
            Wire::H1,
            &Load::Trickle(Trickle {
                uploads: 1500,
                piece: 0,
                interval: Duration::from_secs(1),
                time: Duration::from_secs(12),
            }),
        ),
        bucket("s13-large", "1 GiB in one PATCH, to a bucket", 1, GIB),
        bucket(
            "s13-many",
            "100 uploads of 100 MiB at once, to a bucket",
            100,
            100 * MIB,
        ),
    ]
}

/// How much servers have to do.
struct Size {
    name: &'static str,
    load: Load,
    uploads: u64,
}

/// The same servers with more and more to do.
fn growth(
    id: &'static str,
    title: &'static str,
    unit: Unit,
    peers: &[Peer],
    sizes: &[Size],
) -> Scenario {
    let contenders = sizes.iter().enumerate().flat_map(|(group, size)| {
        peers.iter().map(move |peer| Contender {
            label: format!("{}, {}", peer.title(), size.name),
            uploads: size.uploads,
            group,
            ..Contender::new(*peer, Wire::H1, &size.load)
        })
    });
    Scenario {
        id,
        title,
        unit,
        contenders: contenders.collect(),
    }
}

fn scenario(
    id: &'static str,
    title: &'static str,
    unit: Unit,
    peers: &[Peer],
    wire: Wire,
    load: &Load,
) -> Scenario {
    let contenders = peers.iter().map(|peer| Contender::new(*peer, wire, load));
    Scenario {
        id,
        title,
        unit,
        contenders: contenders.collect(),
    }
}

/// Uploads to a bucket of an object store.
fn bucket(id: &'static str, title: &'static str, uploads: usize, bytes: u64) -> Scenario {
    let peers = &[Peer::Ours, Peer::Multipart, Peer::Tusd];
    let load = Load::Upload { uploads, bytes };
    let mut all = scenario(id, title, Unit::Bytes, peers, Wire::H1, &load);
    for contender in &mut all.contenders {
        contender.has_bucket = true;
    }
    all
}

/// HTTP/2 over TLS, also compared with our own HTTP/1.1 over TLS.
fn tls_h2(large: &Load) -> Scenario {
    let title = "1 GiB in one PATCH, HTTP/2 over TLS, frames of 16 KiB";
    // tusd does not offer HTTP/2 over TLS.
    let peers = &[Peer::Ours, Peer::Floor, Peer::Honest];
    let mut all = scenario("s8-h2", title, Unit::Bytes, peers, Wire::TlsH2, large);
    let mut http1 = Contender::new(Peer::Ours, Wire::TlsH1, large);
    http1.label = "tower-tusd, HTTP/1.1".to_owned();
    all.contenders.insert(1, http1);
    all
}

/// Returns the scenarios that were asked for.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<Scenario>, String> {
    let all = all();
    let unknown = |name: &&String| !all.iter().any(|scenario| scenario.is(name));
    if let Some(name) = names.iter().find(unknown) {
        return Err(format!("there is no scenario {name}"));
    }
    let is_chosen =
        |scenario: &Scenario| names.is_empty() || names.iter().any(|name| scenario.is(name));
    Ok(all.into_iter().filter(is_chosen).collect())
}

impl Scenario {
    /// Whether a name on the command line means this one: `s8` means `s8-h1` too.
    fn is(&self, name: &str) -> bool {
        let rest = self.id.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl Unit {
    /// Returns the units of a rate and of CPU time.
    pub(crate) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Bytes => ("MiB/s", "s/GiB"),
            Self::Each(rate) => (rate, "ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_chosen_by_its_whole_name_or_its_group() {
        let ids = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            let chosen = chosen(&names)?;
            Ok::<_, String>(chosen.iter().map(|one| one.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(&["s1"]).unwrap(), ["s1"]);
        assert_eq!(
            ids(&["s8", "s7-create"]).unwrap(),
            ["s7-create", "s8-h1", "s8-h2"]
        );
        assert_eq!(ids(&[]).unwrap().len(), all().len());
        assert!(ids(&["s1", "s"]).is_err());
    }

    #[test]
    fn our_server_comes_first_in_every_group_of_every_scenario() {
        for scenario in all() {
            for group in scenario.contenders.chunk_by(|a, b| a.group == b.group) {
                assert_eq!(group[0].peer, Peer::Ours, "{}", scenario.id);
            }
        }
    }
}

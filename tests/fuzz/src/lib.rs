//! What the fuzz targets do with their input. libFuzzer calls these functions with
//! inputs of its own, from the programs in `fuzz/fuzz_targets`; the test `replay` calls
//! them with the files in `fuzz/corpus`.
//!
//! Each function takes any bytes, and panics if the code does not keep a promise. A
//! whole connection is served by the code of `tower-tusd`, whose source is included.

// The unit tests of the included source are those of the server.
#![cfg(all(feature = "targets", not(test)))]

mod checksum;
mod concat;
mod connection;
mod forwarded;
mod frames;
mod hook_reply;
mod http1;
mod http2;
mod info;
mod metadata;
mod promises;
mod range;
mod responses;
mod runtime;
mod world;

// The connections of the server, and what they need.
#[path = "../../../src/bin/tower-tusd/error.rs"]
#[allow(dead_code)]
mod error;
#[path = "../../../src/bin/tower-tusd/flags/mod.rs"]
#[allow(dead_code, unused_imports)]
mod flags;
#[path = "../../../src/bin/tower-tusd/net/mod.rs"]
#[allow(dead_code, unused_imports)]
mod net;

pub use self::checksum::checksum;
pub use self::concat::concat;
pub use self::forwarded::forwarded;
pub use self::hook_reply::hook_reply;
pub use self::http1::http1;
pub use self::http2::http2;
pub use self::info::info;
pub use self::metadata::metadata;
pub use self::range::range;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// All targets, under the names of their programs and of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("checksum", checksum),
    ("concat", concat),
    ("forwarded", forwarded),
    ("hook_reply", hook_reply),
    ("http1", http1),
    ("http2", http2),
    ("info", info),
    ("metadata", metadata),
    ("range", range),
];

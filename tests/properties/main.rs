//! Properties that always hold: random sequences of requests, disconnects, restarts
//! and kills, over sockets, agree with a small [model](model) of the protocol.
//!
//! ```sh
//! cargo test --all-features --test properties             # a fixed number of cases
//! TOWER_TUS_PROPERTY_SECONDS=3600 cargo test --all-features --test properties
//! ```
//!
//! `.ci/properties` does the latter. `TOWER_TUS_SERVER` names another server than the
//! debug one.
//!
//! A failure prints the shortest [case](actions) that was found, and its requests and
//! answers. Its seed is added to a file in `proptest-regressions`, so that it runs
//! first from then on: commit it. Seeds lose their meaning when the
//! [strategy](strategy) changes.

#![cfg(target_os = "linux")]

#[path = "../harness/mod.rs"]
mod harness;

mod actions;
mod audit;
mod conditions;
mod driver;
mod model;
mod open;
mod plan;
mod request;
mod runner;
mod strategy;
mod tally;
mod wire;
mod world;

use self::actions::Ground;
use self::harness::gateway::Gateway;
use self::runner::Property;

/// Returns the path of a file with seeds.
macro_rules! seeds {
    ($name:literal) => {
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/properties/proptest-regressions/",
            $name,
            ".txt"
        )
    };
}

#[test]
fn a_stack_over_the_memory_store_agrees_with_the_model() {
    let property = Property {
        ground: Ground::Memory,
        servers: 1..=1,
        cases: 200,
        actions: 60,
        seeds: seeds!("memory"),
    };
    property.check();
}

#[test]
fn stacks_over_one_directory_agree_with_the_model() {
    let property = Property {
        ground: Ground::Files,
        servers: 1..=2,
        cases: 120,
        actions: 60,
        seeds: seeds!("files"),
    };
    property.check();
}

#[test]
fn a_server_that_is_killed_agrees_with_the_model() {
    let property = Property {
        ground: Ground::Processes,
        servers: 1..=1,
        cases: 60,
        actions: 40,
        seeds: seeds!("process"),
    };
    property.check();
}

#[test]
fn two_servers_on_one_directory_agree_with_the_model() {
    let property = Property {
        ground: Ground::Processes,
        servers: 2..=2,
        cases: 40,
        actions: 40,
        seeds: seeds!("processes"),
    };
    property.check();
}

#[test]
fn servers_over_one_bucket_agree_with_the_model() {
    if !Gateway::is_installed() {
        return;
    }
    let property = Property {
        ground: Ground::Bucket,
        servers: 1..=2,
        cases: 40,
        actions: 40,
        seeds: seeds!("bucket"),
    };
    property.check();
}

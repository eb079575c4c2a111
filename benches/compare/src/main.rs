//! Compares `tower-tusd` with other servers, and with lower bounds.
//!
//! ```text
//! cargo run --release -p tower-tus-bench
//! cargo run --release -p tower-tus-bench -- --scenarios s3,s4 --rounds 3
//! ```
//!
//! `benches/README.md` tells what is measured and how to read it.

use std::process::ExitCode;

use clap::Parser;

mod certificate;
mod client;
mod compare;
mod crowd;
mod floor;
mod gateway;
mod homes;
mod interrupt;
mod load;
mod machine;
mod options;
mod peer;
mod process;
mod report;
mod sample;
mod scenario;
mod server;
mod stack;
mod stall;
mod statistics;
#[cfg(feature = "stores")]
mod stores;

use options::{Command, Options};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Error> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.command {
        Some(Command::Floor(floor)) => floor::run(&floor),
        #[cfg(feature = "stores")]
        Some(Command::Stores(stores)) => stores::run(&stores),
        None => compare::run(&options.what),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

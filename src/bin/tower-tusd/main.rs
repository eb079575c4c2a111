//! `tower-tusd`: a tus server that takes tusd's place.
//!
//! The program is divided into wings, and imports run one way:
//!
//! ```text
//! flags   log   error          values, log lines, failures of the start
//!   ^      ^      ^
//! net   pages   process   uploads   admin   connections, own pages, signals and limits,
//!   ^      ^      ^          ^        ^     the stack, commands on stored uploads
//!               run            the only module that knows them all
//! ```

mod admin;
mod error;
mod flags;
mod log;
mod net;
mod pages;
mod process;
mod run;
mod uploads;

fn main() -> std::process::ExitCode {
    run::main()
}

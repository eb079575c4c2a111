//! File system access, shared by stores and lockers.
//!
//! [`sys`] is what they call. Below it, [`kernel`] has the calls of the system,
//! one function each, in whose place unit tests have `sim`.

mod entries;
pub(crate) mod error;
mod file;
pub(crate) mod home;
mod kernel;
mod link;
mod named;
pub(crate) mod offload;
mod one_thread;
mod publish;
#[cfg(test)]
pub(crate) mod sim;
pub(crate) mod sys;
mod workers;

#[cfg(not(test))]
use kernel as calls;
#[cfg(test)]
use sim::calls;

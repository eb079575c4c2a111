//! Uploads in an object store.
//!
//! The object `<id>.info` is the whole state of an upload, replaced only by
//! compare-and-swap. Bytes are in places that this state names; whatever no state names
//! does not count.

// Until the store is whole, parts of it have no user.
#![allow(dead_code, unused_imports)]

mod budget;
mod keys;
mod objects;
mod parts;
mod state;

pub(crate) use self::state::State;

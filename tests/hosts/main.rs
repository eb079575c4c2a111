//! The stack behaves the same on every host: sends all requests of one table to
//! each, over HTTP/1.1 and HTTP/2.

#[allow(dead_code, reason = "other tests need the rest")]
#[path = "../harness/raw.rs"]
mod raw;
#[allow(dead_code, reason = "other tests need the rest")]
#[path = "../harness/tus.rs"]
mod tus;

mod disconnect;
mod expect;
mod foreign;
mod host;
mod logged;
mod mounts;
mod problems;
mod table;
mod tenants;
mod trailers;
mod traits;
mod wrapped;

use std::time::Duration;

use tokio::time::timeout;

/// Time limit for a response.
const PATIENCE: Duration = Duration::from_secs(20);

async fn patient<F: Future>(event: F) -> F::Output {
    timeout(PATIENCE, event).await.expect("it takes too long")
}

//! The server's own pages: metrics, the greeting, and 404.

mod greeting;
mod layers;
mod metrics;
mod not_found;
mod page;

pub(crate) use self::greeting::GreetingPage;
pub(crate) use self::metrics::MetricsPage;
pub(crate) use self::not_found::NotFound;
pub(crate) use self::page::PageLayer;

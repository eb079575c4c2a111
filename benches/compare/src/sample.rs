//! What one run measures.

use std::collections::BTreeMap;

use serde::Serialize;

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// Uploads, requests or MiB per second, whichever the scenario counts.
    Rate,
    /// CPU time of the server: milliseconds for each unit, or seconds for each GiB.
    Cpu,
    /// Median latency in milliseconds.
    P50,
    /// 99th percentile of the latency in milliseconds.
    P99,
    /// Largest resident memory in MiB.
    Rss,
    /// Resident memory for each connection, in KiB.
    PerConnection,
    /// Number of threads most of the time.
    Threads,
    /// Largest number of threads.
    MostThreads,
    /// CPU time of the server in percent of a core.
    Core,
    /// 99th percentile of the time to answer the metrics page, in milliseconds.
    MetricsPage,
    /// 99th percentile of the time to answer HEAD, in milliseconds.
    Heads,
}

impl Metric {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Cpu => "CPU",
            Self::P50 => "p50 ms",
            Self::P99 => "p99 ms",
            Self::Rss => "RSS MiB",
            Self::PerConnection => "KiB/conn",
            Self::Threads => "threads",
            Self::MostThreads => "most threads",
            Self::Core => "CPU % of a core",
            Self::MetricsPage => "p99 ms of /metrics",
            Self::Heads => "p99 ms of HEAD",
        }
    }
}

/// The figures of one run.
pub(crate) type Sample = BTreeMap<Metric, f64>;

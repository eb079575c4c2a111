//! Metrics in the text format of Prometheus, on the listener of the uploads.

use std::sync::Arc;
use std::time::Duration;

use ::metrics::{Gauge, Unit, describe_gauge, gauge};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::time::sleep;
use tower_tus::layers::gate::Gate;
use tower_tus::layers::protocol::{Body, Error, NewUpload};

/// How all names begin, as in tusd.
pub(crate) const PREFIX: &str = "tusd";

/// Bounds of histograms in seconds: from a small file on a good disk to a large
/// one on a bad link.
const BUCKETS: [f64; 13] = [
    0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0,
];

/// How often measured times are put into their buckets: until then each takes room.
const UPKEEP: Duration = Duration::from_secs(5);

/// A gauge of connections, for whoever accepts them.
pub(crate) fn connections_open() -> Gauge {
    let name = format!("{PREFIX}_connections_open");
    describe_gauge!(name.clone(), Unit::Count, "Open connections.");
    gauge!(name)
}

/// The page of metrics.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    path: Arc<str>,
    metrics: PrometheusHandle,
    process: Collector,
}

impl Page {
    /// Begins to record what is made from now on, and shows it at `path`.
    pub(crate) fn install(path: &str) -> Result<Self, BuildError> {
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
            .install_recorder()?;
        tokio::spawn(keep_up(metrics.clone()));
        let process = Collector::default();
        process.describe();
        Ok(Self {
            path: path.into(),
            metrics,
            process,
        })
    }

    /// Whether it is shown at this path, whatever the method, as in tusd.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        path == &*self.path
    }

    pub(crate) fn show(&self) -> Response<Body> {
        self.process.collect();
        let mut response = Response::new(Bytes::from(self.metrics.render()).into());
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
        );
        response
    }
}

async fn keep_up(metrics: PrometheusHandle) {
    loop {
        sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

/// Makes no upload that the page would hide, where uploads are everywhere: only
/// a hook can name one so.
#[derive(Debug)]
pub(crate) struct Unhidden {
    path: String,
}

impl Unhidden {
    pub(crate) fn new(path: &str) -> Self {
        let path = path.trim_start_matches('/').to_owned();
        Self { path }
    }
}

#[async_trait]
impl Gate for Unhidden {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        if upload.id.as_str() != self.path {
            return Ok(());
        }
        let path = &self.path;
        let reason = format!("an upload {path:?} would be hidden by -metrics-path /{path}");
        Err(Error::internal(reason))
    }
}

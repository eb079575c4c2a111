//! Metrics in the text format of Prometheus, on the listener of the uploads.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::time::sleep;
use tower_tus::layers::protocol::Body;

use super::page::Page;
use crate::error::StartError;

/// Bounds of histograms in seconds: from a small file on a fast disk to a large
/// one on a slow connection.
const BUCKETS: [f64; 13] = [
    0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0,
];

/// How often measured times are put into their buckets: until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// The metrics page.
#[derive(Clone, Debug)]
pub(crate) struct MetricsPage {
    path: Arc<str>,
    metrics: PrometheusHandle,
    process: Collector,
}

impl MetricsPage {
    /// Starts to record all metrics that are registered from now on.
    pub(crate) fn install(path: &str) -> Result<Self, StartError> {
        let metrics =
            recorder().map_err(|error| StartError::unusable("cannot record metrics", error))?;
        tokio::spawn(keep_up(metrics.clone()));
        let process = Collector::default();
        process.describe();
        Ok(Self {
            path: path.into(),
            metrics,
            process,
        })
    }
}

impl Page for MetricsPage {
    /// Whatever the method, like in tusd.
    fn answers(&self, request: &Request<Body>) -> bool {
        request.uri().path() == &*self.path
    }

    fn render(&self, _: &HeaderMap) -> Response<Body> {
        self.process.collect();
        let mut response = Response::new(Bytes::from(self.metrics.render()).into());
        let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

fn recorder() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
        .install_recorder()
}

async fn keep_up(metrics: PrometheusHandle) {
    loop {
        sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

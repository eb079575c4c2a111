//! Metrics in the text format of Prometheus, on the listener of the uploads.
//!
//! A request that is counted or timed only adds to a few atomic integers: nothing is locked,
//! allocated or kept for later.

mod histogram;
mod recorder;
mod text;

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use metrics_process::Collector;
use tower_tus::layers::protocol::Body;

use self::recorder::Recorder;
use super::page::Page;
use crate::error::StartError;

/// The metrics page.
#[derive(Clone, Debug)]
pub(crate) struct MetricsPage {
    path: Arc<str>,
    metrics: Recorder,
    process: Collector,
}

impl MetricsPage {
    /// Starts to record all metrics that are registered from now on.
    pub(crate) fn install(path: &str) -> Result<Self, StartError> {
        let recorder = Recorder::default();
        metrics::set_global_recorder(recorder.clone())
            .map_err(|error| StartError::unusable("cannot record metrics", error))?;
        let process = Collector::default();
        process.describe();
        Ok(Self {
            path: path.into(),
            metrics: recorder,
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

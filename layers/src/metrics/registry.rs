use std::sync::Arc;

use http::{Method, Response};
use metrics::{Counter, Histogram, Unit, counter, histogram};
use tokio::time::Instant;

use super::by_code::ByCode;
use super::end::End;
use super::names::{described_counter, described_histogram};
use crate::protocol::Outcome;

/// The counted methods, like in tusd.
static METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// A handle for each metric and each value of its labels.
#[derive(Debug)]
pub(super) struct Registry {
    /// In the order of [`METHODS`].
    methods: [ByMethod; METHODS.len()],
    errors: ByCode,
    bytes_received: Counter,
    uploads_created: Counter,
    uploads_finished: Counter,
    uploads_terminated: Counter,
    uploads_expired: Counter,
}

#[derive(Debug)]
struct ByMethod {
    requests: Counter,
    durations: [Histogram; End::ALL.len()],
}

impl Registry {
    pub(super) fn new(prefix: &str) -> Self {
        let plain = |name, unit, text| counter!(described_counter(prefix, name, unit, text));
        Self {
            methods: by_method(prefix),
            errors: ByCode::new(prefix),
            bytes_received: plain("bytes_received", Unit::Bytes, "Bytes stored."),
            uploads_created: plain("uploads_created", Unit::Count, "Uploads created."),
            uploads_finished: plain("uploads_finished", Unit::Count, "Uploads finished."),
            uploads_terminated: plain("uploads_terminated", Unit::Count, "Uploads terminated."),
            uploads_expired: plain(
                "uploads_expired",
                Unit::Count,
                "Uploads removed because they had expired.",
            ),
        }
    }

    /// Counts a request, which runs until the returned value is answered or
    /// dropped.
    pub(super) fn begin(self: Arc<Self>, method: &Method) -> Running {
        let method = METHODS.iter().position(|counted| counted == method);
        if let Some(method) = method {
            self.methods[method].requests.increment(1);
        }
        Running {
            metrics: self,
            sender: Sender::Client(method),
            begun: Instant::now(),
            end: End::Unanswered,
        }
    }

    /// Begins a request of the server itself, of which only what it does is counted.
    pub(super) fn begin_internal(self: Arc<Self>) -> Running {
        Running {
            metrics: self,
            sender: Sender::Server,
            begun: Instant::now(),
            end: End::Unanswered,
        }
    }

    fn count_outcome(&self, outcome: &Outcome) {
        self.bytes_received.increment(outcome.received);
        self.uploads_created.increment(outcome.created.into());
        self.uploads_finished.increment(outcome.finished.into());
        self.uploads_terminated.increment(outcome.terminated.into());
        self.uploads_expired.increment(outcome.expired.into());
        for other in &outcome.others {
            self.count_outcome(other);
        }
    }
}

fn by_method(prefix: &str) -> [ByMethod; METHODS.len()] {
    let requests = described_counter(
        prefix,
        "requests_total",
        Unit::Count,
        "Requests, by method.",
    );
    let durations = described_histogram(
        prefix,
        "request_duration_seconds",
        "Time until a request is answered, by method and outcome.",
    );
    METHODS.each_ref().map(|method| {
        let method = method.as_str();
        ByMethod {
            requests: counter!(requests.clone(), "method" => method),
            durations: End::ALL.map(
                |end| histogram!(durations.clone(), "method" => method, "outcome" => end.as_str()),
            ),
        }
    })
}

/// A running request. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    metrics: Arc<Registry>,
    sender: Sender,
    begun: Instant,
    end: End,
}

#[derive(Debug)]
enum Sender {
    /// Holds the index of the method in [`METHODS`], if it is among them.
    Client(Option<usize>),
    Server,
}

impl Running {
    /// Counts what the request did, and ends it.
    pub(super) fn answered<B>(mut self, response: &Response<B>) {
        self.end = End::of(response);
        match response.extensions().get() {
            Some(error) if matches!(self.sender, Sender::Client(_)) => {
                self.metrics.errors.count(error);
            }
            _ => {}
        }
        if let Some(outcome) = response.extensions().get() {
            self.metrics.count_outcome(outcome);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Sender::Client(Some(method)) = self.sender {
            let durations = &self.metrics.methods[method].durations;
            durations[self.end as usize].record(self.begun.elapsed());
        }
    }
}

//! The account as metrics.

/// Shows the account, if metrics are on.
#[derive(Clone, Debug, Default)]
pub(super) struct Gauges {
    #[cfg(feature = "metrics")]
    used: Option<std::sync::Arc<Shown>>,
}

#[cfg(feature = "metrics")]
#[derive(Debug)]
struct Shown {
    used: metrics::Gauge,
    limit: metrics::Gauge,
}

#[cfg(feature = "metrics")]
impl Gauges {
    pub(super) fn new(prefix: &str) -> Self {
        use metrics::{Unit, describe_gauge, gauge};
        let used = format!("{prefix}_store_bytes_used");
        let limit = format!("{prefix}_store_bytes_limit");
        let text = "Bytes that the stored uploads are charged: of those with a length, the length.";
        describe_gauge!(used.clone(), Unit::Bytes, text);
        describe_gauge!(
            limit.clone(),
            Unit::Bytes,
            "Limit on the bytes of all uploads; 0 means unlimited."
        );
        let shown = Shown {
            used: gauge!(used),
            limit: gauge!(limit),
        };
        Self {
            used: Some(shown.into()),
        }
    }

    pub(super) fn show(&self, used: u64, limit: Option<u64>) {
        if let Some(shown) = &self.used {
            shown.used.set(used as f64);
            shown.limit.set(limit.unwrap_or(0) as f64);
        }
    }
}

#[cfg(not(feature = "metrics"))]
impl Gauges {
    #[expect(clippy::unused_self, reason = "there is nothing to show")]
    pub(super) fn show(&self, _: u64, _: Option<u64>) {}
}

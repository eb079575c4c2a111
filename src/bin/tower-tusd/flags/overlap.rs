//! Whether the paths of uploads and metrics hide each other.

/// Whether one of the two paths is inside the other one.
///
/// Everything is below the base path `/`. There the metrics page hides only the
/// upload of its own name, which a gate keeps from being created. Metrics at `/`
/// hide only the greeting.
pub(super) fn overlap(base: &str, metrics: &str) -> bool {
    let (base, metrics) = (base.trim_end_matches('/'), metrics.trim_end_matches('/'));
    let inside = |path: &str, of: &str| {
        let rest = path.strip_prefix(of);
        !of.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    base == metrics || inside(base, metrics) || inside(metrics, base)
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn paths_overlap_when_one_is_inside_the_other() {
        for (base, metrics, overlaps) in [
            ("/files/", "/metrics", false),
            ("/files/", "/files", true),
            ("/files/", "/files/", true),
            ("/files/", "/files/metrics", true),
            ("/files/", "/filesystem", false),
            ("/a/files/", "/a", true),
            ("/a/files/", "/a/metrics", false),
            ("/files/", "/", false),
            ("/", "/metrics", false),
            ("/", "/", true),
        ] {
            assert_eq!(overlap(base, metrics), overlaps, "{base} {metrics}");
        }
    }
}

//! How often work in the background is done.

use std::time::Duration;

/// A pass over everything that is stored takes at most one part in so many of the time,
/// as long as the rest is not too long.
const PARTS: u32 = 20;

const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Returns how long to rest after a pass that took `took`: `interval`, or longer after a
/// pass that took long, such as one over millions of uploads.
pub(crate) fn rest(interval: Duration, took: Duration) -> Duration {
    interval.max((took * (PARTS - 1)).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_long_pass_the_rest_is_longer_but_not_for_ever() {
        let [second, minute] = [1, 60].map(Duration::from_secs);
        assert_eq!(rest(10 * minute, second), 10 * minute);
        assert_eq!(rest(10 * minute, minute), 19 * minute);
        assert_eq!(rest(10 * minute, 10 * minute), 60 * minute);
        assert_eq!(rest(90 * minute, 10 * minute), 90 * minute);
    }
}

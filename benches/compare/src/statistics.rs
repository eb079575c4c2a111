//! Percentiles, medians, and ratios within rounds.

use std::time::Duration;

use serde::Serialize;

/// A median with the smallest and the largest value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Returns the spread of values, or `None` if there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => return None,
            odd if odd % 2 == 1 => values[middle],
            _ => values[middle - 1].midpoint(values[middle]),
        };
        Some(Self {
            median,
            min: values[0],
            max: values[values.len() - 1],
        })
    }

    /// Returns the spread of `ours / theirs`, each within one round: what disturbs the
    /// machine for a while then disturbs both. A round without one of them is left out.
    pub(crate) fn of_ratios(ours: &[Option<f64>], theirs: &[Option<f64>]) -> Option<Self> {
        let rounds = ours.iter().zip(theirs);
        Self::of(rounds.filter_map(|(ours, theirs)| match (ours, theirs) {
            (Some(ours), Some(theirs)) if *theirs > 0.0 => Some(ours / theirs),
            _ => None,
        }))
    }
}

/// Returns a percentile by the nearest rank. The list gets sorted.
pub(crate) fn percentile(latencies: &mut [Duration], percent: usize) -> Option<Duration> {
    latencies.sort_unstable();
    let rank = (latencies.len() * percent).div_ceil(100);
    latencies.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let mut latencies: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        let mut at = |percent| percentile(&mut latencies, percent).unwrap().as_millis();
        assert_eq!((at(0), at(50), at(99), at(100)), (1, 100, 198, 200));
        let one = &mut [Duration::from_millis(3)];
        assert_eq!(percentile(one, 99), Some(one[0]));
        assert_eq!(percentile(&mut [], 50), None);
    }

    #[test]
    fn a_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 4.0));
        assert_eq!(Spread::of([7.0, 1.0, 9.0]).unwrap().median, 7.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn ratios_are_of_one_round_and_not_of_medians() {
        // The machine is twice as fast in the second round, and four times in the third.
        let ours = [Some(10.0), Some(20.0), Some(40.0), Some(1.0)];
        let theirs = [Some(5.0), Some(10.0), Some(20.0), None];
        let spread = Spread::of_ratios(&ours, &theirs).unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (2.0, 2.0, 2.0));
        assert_eq!(Spread::of_ratios(&ours[..1], &[Some(0.0)]), None);
    }
}

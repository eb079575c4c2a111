//! Results: JSON with every run, and a table of medians.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::Result;
use crate::machine::Machine;
use crate::options::{What, name};
use crate::sample::{Metric, Sample};
use crate::scenario::{Contender, Scenario, Unit};
use crate::statistics::Spread;

mod markdown;

/// All that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    durability: String,
    rounds: usize,
    args: Vec<String>,
    pub(crate) outcomes: Vec<Outcome>,
}

/// The runs of one scenario.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    id: &'static str,
    title: &'static str,
    rate_unit: &'static str,
    cpu_unit: &'static str,
    contenders: Vec<Runs>,
}

/// The runs of one server, in the order of the rounds. A run that failed is `None`.
#[derive(Clone, Debug, Serialize)]
struct Runs {
    label: String,
    samples: Vec<Option<Sample>>,
    errors: Vec<String>,
}

impl Report {
    pub(crate) fn new(machine: Machine, what: &What) -> Self {
        Self {
            machine,
            durability: name(&what.durability),
            rounds: what.rounds,
            args: what.args.clone(),
            outcomes: Vec::new(),
        }
    }

    /// Writes all files to a directory.
    pub(crate) fn write(&self, out: &Path) -> Result<()> {
        fs::write(out.join("compare.json"), serde_json::to_vec_pretty(self)?)?;
        fs::write(out.join("compare.md"), self.markdown())?;
        Ok(())
    }

    /// Returns the number of runs that failed.
    pub(crate) fn failures(&self) -> usize {
        let runs = self.outcomes.iter().flat_map(|one| &one.contenders);
        runs.map(|runs| runs.errors.len()).sum()
    }

    pub(crate) fn markdown(&self) -> String {
        markdown::of(self)
    }
}

impl Outcome {
    pub(crate) fn new(scenario: &Scenario, contenders: &[&Contender]) -> Self {
        let (rate_unit, cpu_unit) = Unit::names(scenario.unit);
        let runs = contenders.iter().map(|contender| Runs {
            label: contender.label.clone(),
            samples: Vec::new(),
            errors: Vec::new(),
        });
        Self {
            id: scenario.id,
            title: scenario.title,
            rate_unit,
            cpu_unit,
            contenders: runs.collect(),
        }
    }

    pub(crate) fn add(&mut self, contender: usize, run: Result<Sample>) {
        let runs = &mut self.contenders[contender];
        runs.errors
            .extend(run.as_ref().err().map(ToString::to_string));
        runs.samples.push(run.ok());
    }

    /// Returns the metrics that were measured.
    fn metrics(&self) -> Vec<Metric> {
        let samples = self.contenders.iter().flat_map(|runs| &runs.samples);
        let mut metrics: Vec<_> = samples
            .flatten()
            .flat_map(|sample| sample.keys().copied())
            .collect();
        metrics.sort_unstable();
        metrics.dedup();
        metrics
    }

    /// Compares the first contender with another.
    fn ratio(&self, other: usize, metric: Metric) -> Option<Spread> {
        let [ours, theirs] = [0, other].map(|index| self.contenders[index].values(metric));
        Spread::of_ratios(&ours, &theirs)
    }
}

impl Runs {
    fn values(&self, metric: Metric) -> Vec<Option<f64>> {
        let value = |sample: &Option<Sample>| sample.as_ref()?.get(&metric).copied();
        self.samples.iter().map(value).collect()
    }

    fn spread(&self, metric: Metric) -> Option<Spread> {
        Spread::of(self.values(metric).into_iter().flatten())
    }
}

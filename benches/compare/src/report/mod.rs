//! Results: JSON with every run, a table of medians, and a picture.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::Result;
use crate::machine::Machine;
use crate::options::{What, name};
use crate::sample::{Metric, Sample};
use crate::scenario::{Contender, Scenario, Unit};
use crate::statistics::Spread;

mod chart;
mod markdown;

/// All that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    durability: String,
    rounds: usize,
    args: Vec<String>,
    pub(crate) outcomes: Vec<Outcome>,
    /// What the benchmark of the stack alone prints.
    pub(crate) stack: Option<String>,
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
    #[serde(skip)]
    group: usize,
    #[serde(skip)]
    is_ours: bool,
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
            stack: None,
        }
    }

    /// Writes all files to a directory.
    pub(crate) fn write(&self, out: &Path) -> Result<()> {
        fs::write(out.join("compare.json"), serde_json::to_vec_pretty(self)?)?;
        fs::write(out.join("compare.md"), self.markdown())?;
        if let Some(svg) = chart::of(self)? {
            fs::write(out.join("compare.svg"), svg)?;
        }
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
            group: contender.group,
            is_ours: contender.peer.is_ours(),
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

    /// Returns which contenders are compared: the first one of each group with the others
    /// there, and with the first one of the group before.
    fn pairs(&self) -> Vec<[&Runs; 2]> {
        let mut groups = Vec::new();
        let mut growth = Vec::new();
        let mut smaller = None;
        for group in self.contenders.chunk_by(|a, b| a.group == b.group) {
            let (first, others) = group.split_first().expect("no group is empty");
            groups.extend(others.iter().map(|other| [first, other]));
            growth.extend(smaller.map(|smaller| [first, smaller]));
            smaller = Some(first);
        }
        [groups, growth].concat()
    }
}

impl Runs {
    fn values(&self, metric: Metric) -> Vec<Option<f64>> {
        let value = |sample: &Option<Sample>| sample.as_ref()?.get(&metric).copied();
        self.samples.iter().map(value).collect()
    }

    /// Compares with another contender, round by round.
    fn ratio(&self, other: &Self, metric: Metric) -> Option<Spread> {
        Spread::of_ratios(&self.values(metric), &other.values(metric))
    }

    fn spread(&self, metric: Metric) -> Option<Spread> {
        Spread::of(self.values(metric).into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::options::Options;
    use crate::scenario;
    use clap::Parser;

    /// Two rounds of `s1`, in which the last server fails once.
    fn report() -> Report {
        let what = Options::parse_from(["bench"]).what;
        let s1 = &scenario::chosen(&["s1".to_owned()]).unwrap()[0];
        let contenders: Vec<_> = s1.contenders.iter().take(3).collect();
        let mut outcome = Outcome::new(s1, &contenders);
        let run = |rate, cpu| Ok(Sample::from([(Metric::Rate, rate), (Metric::Cpu, cpu)]));
        outcome.add(0, run(1000.0, 0.5));
        outcome.add(1, run(2000.0, 0.4));
        outcome.add(2, Err("it fell over".into()));
        outcome.add(0, run(500.0, 0.7));
        outcome.add(1, run(800.0, 0.5));
        outcome.add(2, run(250.0, 1.4));
        let mut report = Report::new(Machine::here(&PathBuf::from(".")), &what);
        report.outcomes.push(outcome);
        report
    }

    #[test]
    fn the_table_has_medians_and_ratios_within_rounds_and_says_what_failed() {
        let text = report().markdown();
        assert!(text.contains("| tower-tusd | 750 | 0.600 |"), "{text}");
        assert!(
            text.contains("/ floor (F) | **0.56** (0.50 to 0.62)"),
            "{text}"
        );
        assert!(
            text.contains("/ honest floor (H) | **2.00** (2.00 to 2.00)"),
            "{text}"
        );
        assert!(
            text.contains("honest floor (H) failed: it fell over"),
            "{text}"
        );
        assert_eq!(report().failures(), 1);
    }

    #[test]
    fn growth_is_a_ratio_to_the_size_before_and_to_the_other_servers_at_each_size() {
        let scenario = &scenario::chosen(&["s12-offset".to_owned()]).unwrap()[0];
        let contenders: Vec<_> = scenario.contenders.iter().collect();
        let mut outcome = Outcome::new(scenario, &contenders);
        for (index, rate) in [100.0, 200.0, 0.0, 0.0, 90.0, 300.0]
            .into_iter()
            .enumerate()
        {
            outcome.add(index, Ok(Sample::from([(Metric::Rate, rate)])));
        }
        let mut report = Report::new(
            Machine::here(&PathBuf::from(".")),
            &Options::parse_from(["bench"]).what,
        );
        report.outcomes.push(outcome);
        let text = report.markdown();
        for row in [
            "| tower-tusd, 0 GiB there / floor (F), 0 GiB there | **0.50**",
            "| tower-tusd, 99 GiB there / floor (F), 99 GiB there | **0.30**",
            "| tower-tusd, 99 GiB there / tower-tusd, 0 GiB there | **0.90**",
        ] {
            assert!(text.contains(row), "{row}: {text}");
        }
        assert_eq!(text.matches(" / ").count(), 7, "{text}");
    }

    #[test]
    fn a_figure_that_a_server_does_not_have_is_no_failure() {
        let scenario = &scenario::chosen(&["s1".to_owned()]).unwrap()[0];
        let contenders: Vec<_> = scenario.contenders.iter().take(2).collect();
        let mut outcome = Outcome::new(scenario, &contenders);
        let page = (Metric::MetricsPage, 1.5);
        outcome.add(0, Ok(Sample::from([page])));
        outcome.add(1, Ok(Sample::from([page, (Metric::Heads, 2.5)])));
        let mut report = Report::new(
            Machine::here(&PathBuf::from(".")),
            &Options::parse_from(["bench"]).what,
        );
        report.outcomes.push(outcome);
        let text = report.markdown();
        assert!(text.contains("| tower-tusd | 1.50 |  |"), "{text}");
        assert!(text.contains("| 1.50 | 2.50 |"), "{text}");
    }

    #[test]
    fn the_picture_has_our_server_in_its_colour_at_each_size_and_says_who_failed() {
        let scenario = &scenario::chosen(&["s12-offset".to_owned()]).unwrap()[0];
        let contenders: Vec<_> = scenario.contenders.iter().collect();
        let mut outcome = Outcome::new(scenario, &contenders);
        for index in 0..7 {
            let sample = Sample::from([(Metric::Rate, 100.0), (Metric::Cpu, 0.1)]);
            outcome.add(index, Ok(sample));
        }
        outcome.add(7, Err("it fell over".into()));
        let what = Options::parse_from(["bench", "--rounds=1", "--arg=-log-level=off"]).what;
        let mut report = Report::new(Machine::here(&PathBuf::from(".")), &what);
        report.outcomes.push(outcome);
        let svg = chart::of(&report).unwrap().unwrap();
        // Two sizes, with a rate and a CPU time each.
        assert_eq!(svg.matches("fill=\"#2F81F7\"").count(), 4, "{svg}");
        assert_eq!(svg.matches("\nfailed\n").count(), 2, "{svg}");
        assert!(svg.contains("tower-tusd -log-level=off"), "{svg}");
        assert!(svg.contains(&report.machine.line()), "{svg}");
    }

    #[test]
    fn results_are_written_as_json_markdown_and_svg() {
        let dir = tempfile::tempdir().unwrap();
        report().write(dir.path()).unwrap();
        let read = |name| fs::read_to_string(dir.path().join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&read("compare.json")).unwrap();
        let sample = &json["outcomes"][0]["contenders"][0]["samples"][1];
        assert_eq!(sample["rate"], 500.0);
        assert_eq!(read("compare.md"), report().markdown());
        let svg = read("compare.svg");
        for part in ["<svg", "tower-tusd", "1 GiB in one PATCH", "1400"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
    }
}

//! The table.

use super::{Outcome, Report, Runs};
use crate::sample::Metric;
use crate::statistics::Spread;

pub(super) fn of(report: &Report) -> String {
    let mut text = format!(
        "{}; durability {}, {} rounds, load average {} at the start\n",
        report.machine.line(),
        report.durability,
        report.rounds,
        report.machine.load
    );
    if !report.args.is_empty() {
        text += &format!("tower-tusd with {}\n", report.args.join(" "));
    }
    for outcome in &report.outcomes {
        text += "\n";
        text += &table(outcome);
    }
    if let Some(stack) = &report.stack {
        text += &format!("\n### s10: the stack alone\n\n```text\n{stack}```\n");
    }
    text
}

/// Medians of each contender, and below those the ratios.
fn table(outcome: &Outcome) -> String {
    let metrics = outcome.metrics();
    let mut text = format!("### {}: {}\n\n", outcome.id, outcome.title);
    let titles = metrics.iter().map(|metric| match metric {
        Metric::Rate => outcome.rate_unit.to_owned(),
        Metric::Cpu => format!("CPU {}", outcome.cpu_unit),
        other => other.title().to_owned(),
    });
    text += &row("", titles);
    text += &row("---", metrics.iter().map(|_| "--:".to_owned()));
    for runs in &outcome.contenders {
        let values = metrics.iter().map(|metric| number(runs, *metric));
        text += &row(&runs.label, values);
    }
    for [ours, theirs] in outcome.pairs() {
        let ratios = metrics
            .iter()
            .map(|metric| ratio(ours.ratio(theirs, *metric)));
        text += &row(&format!("{} / {}", ours.label, theirs.label), ratios);
    }
    for runs in &outcome.contenders {
        for error in &runs.errors {
            text += &format!("\n{} failed: {error}\n", runs.label);
        }
    }
    text
}

fn row(label: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.collect();
    format!("| {label} | {} |\n", cells.join(" | "))
}

/// The median, or nothing if a server does not have this figure.
fn number(runs: &Runs, metric: Metric) -> String {
    match runs.spread(metric) {
        Some(spread) => significant(spread.median),
        None if runs.errors.is_empty() => String::new(),
        None => "failed".to_owned(),
    }
}

fn ratio(spread: Option<Spread>) -> String {
    spread.map_or_else(String::new, |Spread { median, min, max }| {
        format!("**{median:.2}** ({min:.2} to {max:.2})")
    })
}

/// Three significant digits.
pub(super) fn significant(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let texts = [17173.4, 14.26, 2.0, 0.0621].map(significant);
        assert_eq!(texts, ["17173", "14.3", "2.00", "0.062"]);
    }
}

//! The picture: bars of the rate and the CPU time in each scenario.
//!
//! It has no background, and colours that are legible on white and on black.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::markdown::significant;
use super::{Outcome, Report, Runs};
use crate::Result;
use crate::sample::Metric;
use crate::statistics::Spread;

const TEXT: RGBColor = RGBColor(110, 119, 129);
const OURS: RGBColor = RGBColor(47, 129, 247);
const OTHERS: RGBColor = RGBColor(154, 164, 175);

const WIDTH: i32 = 860;
/// Where names end, and the bars of rate and CPU begin.
const NAMES: i32 = 222;
const COLUMNS: [(Metric, i32); 2] = [(Metric::Rate, 230), (Metric::Cpu, 550)];
const LONGEST: i32 = 240;
const BAR: i32 = 20;
/// Two lines: the title, and the units of the columns.
const HEAD: i32 = 56;
/// Two lines: the machine, and how it was measured.
const FOOT: i32 = 60;
const LINE: i32 = 18;
const TITLE: i32 = 18;
const SMALL: i32 = 15;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws the scenarios that have a rate, or nothing if there are none.
pub(super) fn of(report: &Report) -> Result<Option<String>> {
    let outcomes: Vec<_> = report.outcomes.iter().filter(|one| has_rate(one)).collect();
    if outcomes.is_empty() {
        return Ok(None);
    }
    let height: i32 = outcomes.iter().map(|outcome| height(outcome)).sum();
    let mut svg = String::new();
    {
        let size = (WIDTH as u32, (height + FOOT) as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let mut top = 0;
        for outcome in outcomes {
            scenario(&area, outcome, top)?;
            top += self::height(outcome);
        }
        for (index, line) in below(report).iter().enumerate() {
            let y = top + FOOT / 2 + LINE * index as i32;
            text(&area, line, (8, y), SMALL, HPos::Left)?;
        }
        area.present()?;
    }
    Ok(Some(svg))
}

/// What the reader has to know about all figures.
fn below(report: &Report) -> [String; 2] {
    let (rounds, durability) = (report.rounds, &report.durability);
    let mut how = format!(
        "Medians of {rounds} rounds, lines from the smallest to the largest; \
         durability {durability}"
    );
    if !report.args.is_empty() {
        how += &format!("; tower-tusd {}", report.args.join(" "));
    }
    [report.machine.line(), how]
}

fn has_rate(outcome: &Outcome) -> bool {
    let has = |runs: &Runs| runs.spread(Metric::Rate).is_some();
    outcome.contenders.iter().any(has)
}

fn height(outcome: &Outcome) -> i32 {
    HEAD + BAR * outcome.contenders.len() as i32
}

fn scenario(area: &Area<'_>, outcome: &Outcome, top: i32) -> Result<()> {
    let title = format!("{}: {}", outcome.id.to_uppercase(), outcome.title);
    text(area, &title, (8, top + 18), TITLE, HPos::Left)?;
    let units = [
        format!("{}, more is better", outcome.rate_unit),
        format!("CPU {}, less is better", outcome.cpu_unit),
    ];
    for ((metric, left), unit) in COLUMNS.into_iter().zip(units) {
        text(area, &unit, (left, top + 42), SMALL, HPos::Left)?;
        let spreads: Vec<_> = outcome
            .contenders
            .iter()
            .map(|runs| runs.spread(metric))
            .collect();
        let most = spreads.iter().flatten().map(|spread| spread.max);
        let scale = f64::from(LONGEST) / most.fold(f64::MIN_POSITIVE, f64::max);
        let all = outcome.contenders.iter().zip(&spreads);
        for (index, (runs, spread)) in all.enumerate() {
            let y = top + HEAD + BAR * index as i32;
            match spread {
                Some(spread) => bar(area, spread, scale, (left, y), color(runs))?,
                None => text(area, "failed", (left, y + BAR / 2), SMALL, HPos::Left)?,
            }
        }
    }
    for (index, runs) in outcome.contenders.iter().enumerate() {
        let y = top + HEAD + BAR * index as i32 + BAR / 2;
        text(area, &runs.label, (NAMES, y), SMALL, HPos::Right)?;
    }
    Ok(())
}

const fn color(runs: &Runs) -> RGBColor {
    if runs.is_ours { OURS } else { OTHERS }
}

/// Draws a median, with a line from the smallest to the largest value.
fn bar(
    area: &Area<'_>,
    spread: &Spread,
    scale: f64,
    (left, top): (i32, i32),
    color: RGBColor,
) -> Result<()> {
    let x = |value: f64| left + (value * scale).round() as i32;
    let (upper, lower, middle) = (top + 3, top + BAR - 3, top + BAR / 2);
    let end = x(spread.median).max(left + 1);
    area.draw(&Rectangle::new(
        [(left, upper), (end, lower)],
        color.filled(),
    ))?;
    let range = [(x(spread.min), middle), (x(spread.max), middle)];
    area.draw(&PathElement::new(range.to_vec(), TEXT.stroke_width(1)))?;
    let value = significant(spread.median);
    let beside = (end.max(x(spread.max)) + 6, middle);
    text(area, &value, beside, SMALL, HPos::Left)
}

fn text(area: &Area<'_>, text: &str, at: (i32, i32), size: i32, side: HPos) -> Result<()> {
    let style = TextStyle::from(("sans-serif", size).into_font())
        .color(&TEXT)
        .pos(Pos::new(side, VPos::Center));
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}

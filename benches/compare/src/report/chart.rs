//! The picture: bars of the rate and the CPU time in each scenario.
//!
//! It has no background, and colours that are legible on white and on black.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::markdown::significant;
use super::{Outcome, Report};
use crate::Result;
use crate::sample::Metric;
use crate::statistics::Spread;

const TEXT: RGBColor = RGBColor(110, 119, 129);
const OURS: RGBColor = RGBColor(47, 129, 247);
const OTHERS: RGBColor = RGBColor(154, 164, 175);

const WIDTH: i32 = 860;
/// Where names end, and the bars of rate and CPU begin.
const NAMES: i32 = 150;
const COLUMNS: [(Metric, i32); 2] = [(Metric::Rate, 158), (Metric::Cpu, 518)];
const LONGEST: i32 = 240;
const BAR: i32 = 20;
/// Two lines: the title, and the units of the columns.
const HEAD: i32 = 52;
const FOOT: i32 = 30;

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
        let below = format!(
            "{}; durability {}",
            report.machine.line(),
            report.durability
        );
        text(&area, &below, (8, top + FOOT / 2), 12, HPos::Left)?;
        area.present()?;
    }
    Ok(Some(svg))
}

fn has_rate(outcome: &Outcome) -> bool {
    let has = |runs: &super::Runs| runs.spread(Metric::Rate).is_some();
    outcome.contenders.iter().any(has)
}

fn height(outcome: &Outcome) -> i32 {
    HEAD + BAR * outcome.contenders.len() as i32
}

fn scenario(area: &Area<'_>, outcome: &Outcome, top: i32) -> Result<()> {
    let title = format!("{}: {}", outcome.id.to_uppercase(), outcome.title);
    text(area, &title, (8, top + 18), 14, HPos::Left)?;
    let units = [
        outcome.rate_unit.to_owned(),
        format!("CPU {}", outcome.cpu_unit),
    ];
    for ((metric, left), unit) in COLUMNS.into_iter().zip(units) {
        text(area, &unit, (left, top + 40), 12, HPos::Left)?;
        let spreads: Vec<_> = outcome
            .contenders
            .iter()
            .map(|runs| runs.spread(metric))
            .collect();
        let most = spreads.iter().flatten().map(|spread| spread.max);
        let scale = f64::from(LONGEST) / most.fold(f64::MIN_POSITIVE, f64::max);
        for (index, spread) in spreads.iter().enumerate() {
            let color = if index == 0 { OURS } else { OTHERS };
            let y = top + HEAD + BAR * index as i32;
            if let Some(spread) = spread {
                bar(area, spread, scale, (left, y), color)?;
            }
        }
    }
    for (index, runs) in outcome.contenders.iter().enumerate() {
        let y = top + HEAD + BAR * index as i32 + BAR / 2;
        text(area, &runs.label, (NAMES, y), 13, HPos::Right)?;
    }
    Ok(())
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
    text(area, &value, beside, 12, HPos::Left)
}

fn text(area: &Area<'_>, text: &str, at: (i32, i32), size: i32, side: HPos) -> Result<()> {
    let style = TextStyle::from(("sans-serif", size).into_font())
        .color(&TEXT)
        .pos(Pos::new(side, VPos::Center));
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}

//! A figure over some runs as a small line.

use std::fmt::Write;

/// In units of the drawing.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 44.0;
const MARGIN: f64 = 4.0;

/// A line, and what it says.
#[derive(Debug)]
pub(super) struct Trend {
    pub(super) name: String,
    pub(super) points: String,
    pub(super) runs: usize,
    pub(super) lowest: String,
    pub(super) highest: String,
    pub(super) last: String,
}

/// Draws values from the oldest to the newest; `None` where a line would say no more than the values do.
#[allow(clippy::cast_precision_loss, reason = "a page has few runs")]
pub(super) fn trend(name: &str, values: &[f64], told: fn(f64) -> String) -> Option<Trend> {
    let [first, .., last] = values else { return None };
    let lowest = values.iter().copied().fold(*first, f64::min);
    let highest = values.iter().copied().fold(*first, f64::max);
    let step = (WIDTH - 2.0 * MARGIN) / (values.len() - 1) as f64;
    let mut points = String::new();
    for (number, value) in values.iter().enumerate() {
        // Halves, because the span between two finite values may not be finite.
        let span = highest / 2.0 - lowest / 2.0;
        let height = if span > 0.0 { (value / 2.0 - lowest / 2.0) / span } else { 0.5 };
        let y = HEIGHT - MARGIN - height * (HEIGHT - 2.0 * MARGIN);
        // A string takes all that is written to it.
        let _written = write!(points, "{:.1},{y:.1} ", MARGIN + number as f64 * step);
    }
    points.pop();
    let runs = values.len();
    Some(Trend { name: name.to_owned(), points, runs, lowest: told(lowest), highest: told(highest), last: told(*last) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_the_lowest_to_the_highest_value_and_stays_in_its_frame() {
        let drawn = |values: &[f64]| trend("f1", values, |value| value.to_string()).map(|trend| trend.points);
        assert_eq!(drawn(&[0.0, 1.0, 0.5]).unwrap(), "4.0,40.0 120.0,4.0 236.0,22.0");
        assert_eq!(drawn(&[2.0, 2.0]).unwrap(), "4.0,22.0 236.0,22.0");
        assert_eq!(drawn(&[f64::MIN, f64::MAX]).unwrap(), "4.0,40.0 236.0,4.0");
        assert_eq!(drawn(&[1.0]), None);
    }
}

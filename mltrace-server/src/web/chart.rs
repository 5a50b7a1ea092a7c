//! Charts, drawn here rather than in the browser: they are there without a script, every place in them can be a link, and what
//! is sent and painted does not grow with the points. Only the drawing is stretched to the page; the words around it are text.

use std::fmt::Write;
use std::ops::Range;

use askama::Template;
use askama::filters::HtmlSafe;
use mltrace_core::__words::{percent, share, short};

/// In units of the drawing.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 200.0;
/// Screens cannot tell more columns apart.
const COLUMNS: usize = 1_000;
/// Places that tell what is in them.
const PLACES: usize = 180;
/// Points up to which each is a dot.
const DOTS: usize = 200;
/// Shades of a map.
const SHADES: usize = 8;
/// At most so many labels stand beside the rows of a map.
const LABELS: usize = 11;

/// A drawing and what stands around it.
#[derive(Debug, Default, Template)]
#[template(path = "web/chart.html")]
pub(super) struct Chart {
    shapes: Vec<Shape>,
    /// From the bottom up, all as far apart.
    ticks: Vec<String>,
    /// From left to right, all as far apart.
    feet: Vec<String>,
    places: Vec<Place>,
    is_low: bool,
}

impl HtmlSafe for Chart {}

/// Something drawn in one colour.
#[derive(Debug)]
struct Shape {
    class: String,
    path: String,
}

/// A part of the chart from left to right.
#[derive(Debug)]
struct Place {
    x: f64,
    width: f64,
    told: Told,
}

/// What a place tells, and where it leads.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) link: Option<String>,
    pub(super) text: String,
}

impl Chart {
    /// A chart with its words below, from left to right.
    pub(super) fn new(feet: Vec<String>) -> Self {
        Self { feet, ..Self::default() }
    }

    /// One that is not high.
    pub(super) fn low(mut self) -> Self {
        self.is_low = true;
        self
    }

    /// Draws a line at each tick of a scale.
    pub(super) fn scale(mut self, scale: &Scale) -> Self {
        let mut path = String::new();
        for &tick in &scale.ticks {
            write(&mut path, format_args!("M0 {:.1}H{WIDTH}", scale.y(tick)));
        }
        self.ticks = scale.ticks.iter().map(|&tick| (scale.say)(tick)).collect();
        self.shape("rule", path)
    }

    /// Draws a line through points.
    pub(super) fn line(self, class: &str, values: &[Option<f64>], scale: &Scale) -> Self {
        self.shape(class, line(values, scale))
    }

    /// Draws points as dots, unless there are so many that they are a line.
    pub(super) fn dots(self, class: &str, values: &[Option<f64>], scale: &Scale) -> Self {
        if values.len() > DOTS {
            return self.line(class, values, scale);
        }
        let mut path = String::new();
        for (at, value) in values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?))) {
            write(&mut path, format_args!("M{:.1} {:.1}h.01", x(at, values.len()), scale.y(value)));
        }
        self.shape(&format!("dot {class}"), path)
    }

    /// Fills what is between two values of each window.
    pub(super) fn band(self, class: &str, ends: &[Option<(f64, f64)>], scale: &Scale) -> Self {
        self.shape(class, band(ends, scale))
    }

    /// Draws how many there are in each window, the most as high as the drawing.
    pub(super) fn bars(self, class: &str, counts: &[u64]) -> Self {
        let most = counts.iter().copied().max().unwrap_or_default();
        let bars: Vec<_> = counts.iter().map(|&count| (count > 0).then(|| (0.0, share(count, most)))).collect();
        self.low().band(class, &bars, &Scale::shares())
    }

    /// Fills a part from left to right.
    pub(super) fn shade(self, class: &str, part: Range<usize>, of: usize) -> Self {
        let (from, to) = (edge(part.start, of), edge(part.end, of));
        self.shape(class, format!("M{from:.1} 0H{to:.1}V{HEIGHT}H{from:.1}z"))
    }

    /// Draws an upright line at a point.
    pub(super) fn upright(self, class: &str, at: usize, of: usize) -> Self {
        self.shape(class, format!("M{:.1} 0V{HEIGHT}", x(at, of)))
    }

    /// Draws how much of each window is in each row, the lowest row first: the more, the darker.
    pub(super) fn map(mut self, windows: &[Vec<f64>], ends: &[Option<f64>]) -> Self {
        let step = ends.len().div_ceil(LABELS).max(1);
        let label =
            |(at, end): (usize, &Option<f64>)| end.filter(|_| at.is_multiple_of(step)).map(short).unwrap_or_default();
        self.ticks = ends.iter().enumerate().map(label).collect();
        let shapes = map(windows).into_iter().zip(1..);
        shapes.fold(self, |chart, (path, shade)| chart.shape(&format!("heat h{shade}"), path))
    }

    /// Lets parts of the chart tell what is in them, in groups where there are many.
    pub(super) fn places(mut self, count: usize, tell: impl Fn(Range<usize>) -> Told) -> Self {
        let places = count.min(PLACES);
        self.places = (0..places)
            .map(|place| {
                let part = place * count / places..(place + 1) * count / places;
                let (from, to) = (edge(part.start, count), edge(part.end, count));
                Place { x: from, width: to - from, told: tell(part) }
            })
            .collect();
        self
    }

    fn shape(mut self, class: &str, path: String) -> Self {
        if !path.is_empty() {
            self.shapes.push(Shape { class: class.to_owned(), path });
        }
        self
    }
}

/// The left end of a window.
#[allow(clippy::cast_precision_loss, reason = "few windows")]
fn edge(at: usize, of: usize) -> f64 {
    at as f64 / of.max(1) as f64 * WIDTH
}

/// The middle of a window.
fn x(at: usize, of: usize) -> f64 {
    f64::midpoint(edge(at, of), edge(at + 1, of))
}

/// Between which values a chart is drawn.
#[derive(Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    say: fn(f64) -> String,
}

impl Scale {
    /// Round numbers around all of these; nothing where there are none.
    pub(super) fn around(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let ends = |ends: Option<(f64, f64)>, value: f64| {
            let (low, high) = ends.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        };
        let (low, high) = values.into_iter().filter(|value| value.is_finite()).fold(None, ends)?;
        // What does not change is drawn in the middle.
        let apart = if low < high { 0.0 } else { (low.abs() / 10.0).max(0.1) };
        let (low, high) = ((low - apart).max(f64::MIN), (high + apart).min(f64::MAX));
        let ticks = round_ticks(low, high).unwrap_or_else(|| vec![low, high]);
        let (low, high) = (ticks.first().copied()?, ticks.last().copied()?);
        Some(Self { low, high, ticks, say: short })
    }

    /// From nothing to all.
    pub(super) fn shares() -> Self {
        Self { low: 0.0, high: 1.0, ticks: vec![0.0, 0.5, 1.0], say: percent }
    }

    fn y(&self, value: f64) -> f64 {
        // Halves, because the difference of two finite numbers need not be finite.
        let share = (self.high / 2.0 - value / 2.0) / (self.high / 2.0 - self.low / 2.0);
        if share.is_nan() { HEIGHT / 2.0 } else { share.clamp(0.0, 1.0) * HEIGHT }
    }
}

/// A few round numbers, as far apart, that hold everything between two; nothing where numbers are too far apart or too close.
fn round_ticks(low: f64, high: f64) -> Option<Vec<f64>> {
    let least = high / 4.0 - low / 4.0;
    if !least.is_finite() || !least.is_normal() || least <= 1e-9 * low.abs().max(high.abs()) {
        return None;
    }
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0].into_iter().map(|digit| digit * power).find(|&step| step >= least * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step + 1e-9).floor();
    let count = (0..=8).find(|&nth| (first + f64::from(nth)) * step >= high - step * 1e-9)?;
    // Parts of one, where multiplying would leave digits behind.
    let parts = (1.0 / step).round();
    let tick = |nth: i32| {
        let number = first + f64::from(nth);
        if step < 1.0 && (parts * step - 1.0).abs() < 1e-9 { number / parts } else { number * step }
    };
    let ticks: Vec<f64> = (0..=count).map(tick).collect();
    ticks.iter().all(|tick| tick.is_finite()).then_some(ticks)
}

/// A line through points, of which there may be any number: of those in one column of the drawing the first, the least, the
/// greatest and the last, which cover what all of them would.
fn line(values: &[Option<f64>], scale: &Scale) -> String {
    let columns = values.len().min(COLUMNS);
    let mut path = String::new();
    let mut is_down = false;
    for column in 0..columns {
        let part = column * values.len() / columns..(column + 1) * values.len() / columns;
        let known: Vec<(usize, f64)> = part.filter_map(|at| Some((at, values[at]?))).collect();
        if known.is_empty() {
            is_down = false;
        }
        for (at, value) in telling(&known) {
            let letter = if is_down { 'L' } else { 'M' };
            is_down = true;
            write(&mut path, format_args!("{letter}{:.1} {:.1}", x(at, values.len()), scale.y(value)));
        }
    }
    path
}

fn telling(known: &[(usize, f64)]) -> Vec<(usize, f64)> {
    let by_value = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
    let ends = [known.first(), known.iter().min_by(by_value), known.iter().max_by(by_value), known.last()];
    let mut points: Vec<_> = ends.into_iter().flatten().copied().collect();
    points.sort_by_key(|(at, _)| *at);
    points.dedup_by_key(|(at, _)| *at);
    points
}

/// Steps, so that a window alone is seen, too.
fn band(ends: &[Option<(f64, f64)>], scale: &Scale) -> String {
    let mut path = String::new();
    let mut start = 0;
    for part in ends.chunk_by(|a, b| a.is_some() == b.is_some()) {
        if part[0].is_some() {
            let steps: Vec<(usize, (f64, f64))> = (start..).zip(part.iter().flatten().copied()).collect();
            let step = |at: usize, value: f64| (edge(at, ends.len()), edge(at + 1, ends.len()), scale.y(value));
            let over = steps.iter().map(|&(at, (_, high))| step(at, high));
            let under = steps.iter().rev().map(|&(at, (low, _))| step(at, low)).map(|(from, to, y)| (to, from, y));
            for (number, (from, to, y)) in over.chain(under).enumerate() {
                let letter = if number == 0 { 'M' } else { 'L' };
                write(&mut path, format_args!("{letter}{from:.1} {y:.1}H{to:.1}"));
            }
            path.push('z');
        }
        start += part.len();
    }
    path
}

/// The cells of each shade, the lightest first.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a shade of a few"
)]
fn map(windows: &[Vec<f64>]) -> [String; SHADES] {
    let greatest = windows.iter().flatten().copied().fold(0.0, f64::max);
    let mut shades: [String; SHADES] = Default::default();
    for (at, rows) in windows.iter().enumerate() {
        let (from, width) = (edge(at, windows.len()), edge(1, windows.len()));
        let height = HEIGHT / rows.len().max(1) as f64;
        for (row, share) in rows.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let shade = ((share / greatest * SHADES as f64).ceil() as usize).clamp(1, SHADES);
            let y = HEIGHT - (row + 1) as f64 * height;
            write(&mut shades[shade - 1], format_args!("M{from:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z"));
        }
    }
    shades
}

fn write(path: &mut String, what: std::fmt::Arguments<'_>) {
    // A string takes all that is written to it.
    let _written = path.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(values: &[f64]) -> Scale {
        Scale::around(values.iter().copied()).unwrap()
    }

    #[test]
    fn ticks_are_round_and_hold_everything() {
        for (low, high, ticks) in [
            (0.41, 0.78, vec!["0.4", "0.5", "0.6", "0.7", "0.8"]),
            (0.0, 1.0, vec!["0", "0.25", "0.5", "0.75", "1"]),
            (-3.0, 170.0, vec!["-50", "0", "50", "100", "150", "200"]),
            (0.5, 0.5, vec!["0.4", "0.45", "0.5", "0.55", "0.6"]),
        ] {
            let scale = scale(&[low, high]);
            assert_eq!(scale.ticks.iter().map(|&tick| short(tick)).collect::<Vec<_>>(), ticks);
        }
        for ends in [[f64::MIN, f64::MAX], [0.0, 5e-324], [1e15, 1e15 + 1.0], [f64::MAX, f64::MAX]] {
            let scale = scale(&ends);
            assert!(ends.iter().all(|&end| (0.0..=HEIGHT).contains(&scale.y(end))), "{ends:?} {scale:?}");
        }
        assert!(Scale::around([f64::NAN]).is_none());
    }

    #[test]
    fn a_hundred_thousand_points_are_no_larger_than_a_screen_and_hide_none_that_stands_out() {
        let mut values: Vec<Option<f64>> = (0..100_000).map(|at| Some(f64::from(at % 97) / 97.0)).collect();
        values[70_123] = Some(9.0);
        let scale = scale(&[0.0, 9.0]);
        let path = line(&values, &scale);
        assert!(path.matches(['M', 'L']).count() <= 4 * COLUMNS);
        assert!(path.len() < 50_000, "{}", path.len());
        assert!(path.contains(&format!("{:.1} {:.1}", x(70_123, values.len()), scale.y(9.0))));
        assert_eq!(path.matches('M').count(), 1);
    }

    #[test]
    fn a_line_breaks_where_nothing_is_known_and_a_band_too() {
        let scale = scale(&[0.0, 1.0]);
        let path = line(&[Some(0.0), None, Some(1.0), Some(0.5)], &scale);
        assert_eq!(path, "M125.0 200.0M625.0 0.0L875.0 100.0");
        let band = band(&[Some((0.0, 0.5)), None, Some((0.5, 1.0))], &scale);
        assert_eq!(band.matches('z').count(), 2);
        assert!(band.starts_with("M0.0 100.0H333.3L333.3 200.0H0.0z"), "{band}");
        assert_eq!(line(&[], &scale), "");
    }

    #[test]
    fn a_map_is_darkest_where_most_is() {
        let shades = map(&[vec![1.0, 0.0], vec![0.1, 0.5]]);
        assert_eq!(shades[SHADES - 1], "M0.0 100.0h500.0v100.0h-500.0z");
        assert_eq!(shades.iter().filter(|shade| !shade.is_empty()).count(), 3);
    }

    #[test]
    fn many_windows_share_the_places_that_tell() {
        let tell = |part: Range<usize>| Told { link: None, text: format!("{part:?}") };
        let places = |count| Chart::default().places(count, tell).places;
        assert_eq!(places(3).len(), 3);
        let many = places(100_000);
        assert_eq!((many.len(), many[PLACES - 1].told.text.as_str()), (PLACES, "99444..100000"));
    }
}

//! Charts of characters. Libraries for these draw one line without gaps, in colours that a pipe does not have; here a
//! missing figure is missing, and each series has marks of its own.

use anstyle::Style;

use super::text::{DIM, paint, short, width};

/// Rows of a chart over time.
const ROWS: usize = 9;
/// The widest step from one point to the next.
const WIDEST_STEP: usize = 6;

/// A share from 0 to 1, drawn in so many columns.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a screen's width"
)]
pub(crate) fn bar(share: f64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (8 * columns) as f64).round() as usize;
    let drawn = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
    format!("{drawn:columns$}")
}

/// Counts as columns of one line, the greatest the highest; a dot stands for nothing at all. What has no room side by side is
/// added up.
pub(crate) fn sparkline(counts: &[u64], columns: usize) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let group = counts.len().div_ceil(columns.max(1)).max(1);
    let sums: Vec<u64> = counts.chunks(group).map(|counts| counts.iter().sum()).collect();
    let greatest = u128::from(sums.iter().copied().max().unwrap_or_default());
    let height = |sum: u64| {
        let eighths = (u128::from(sum) * 8).div_ceil(greatest.max(1));
        usize::try_from(eighths).ok().and_then(|eighths| HEIGHTS.get(eighths.wrapping_sub(1)))
    };
    sums.into_iter().map(|sum| height(sum).copied().unwrap_or('·')).collect()
}

/// Figures over time, each with its mark.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) points: Vec<Option<(f64, char)>>,
    pub(crate) style: Style,
    /// Whether a point reaches to the next.
    pub(crate) is_line: bool,
}

/// Series of the same length over each other, the last on top, between two words for the begin and the end of time. Nothing
/// where there is no figure.
pub(crate) fn over_time(series: &[Series], ends: (&str, &str), screen: usize) -> String {
    let values = || series.iter().flat_map(|series| &series.points).flatten().map(|(value, _)| *value);
    let Some(scale) = Scale::of(values()) else { return String::new() };
    let ticks = [(0, scale.high), (ROWS / 2, f64::midpoint(scale.low, scale.high)), (ROWS - 1, scale.low)];
    let ticks = ticks.map(|(row, value)| (row, short(value)));
    let margin = ticks.iter().map(|(_, text)| width(text)).max().unwrap_or_default();
    let places = series.iter().map(|series| series.points.len()).max().unwrap_or_default();
    let axis = Axis::new(places, screen.saturating_sub(margin + 4));
    let mut canvas = vec![vec![(' ', Style::new()); axis.columns]; ROWS];
    for series in series {
        for (place, point) in series.points.iter().enumerate() {
            let Some((value, mark)) = *point else { continue };
            let row = &mut canvas[scale.row(value)];
            for column in axis.columns_of(place, series.is_line) {
                row[column] = (mark, series.style);
            }
        }
    }
    let line = |(at, row): (usize, &Vec<(char, Style)>)| {
        let tick = ticks.iter().find(|(row, _)| *row == at).map(|(_, text)| text.as_str()).unwrap_or_default();
        let cells: String = row.iter().map(|&(mark, style)| cell(mark, style)).collect();
        let joint = if tick.is_empty() { '│' } else { '┤' };
        format!(" {tick:>margin$} {joint}{}", cells.trim_end()).trim_end().to_owned() + "\n"
    };
    let rows: String = canvas.iter().enumerate().map(line).collect();
    let gap = axis.columns.saturating_sub(width(ends.0) + width(ends.1)).max(1);
    let foot = format!(" {:margin$} └{}\n", "", "─".repeat(axis.columns));
    let names = if axis.columns > width(ends.0) + width(ends.1) {
        format!("{}{}{}", ends.0, " ".repeat(gap), ends.1)
    } else {
        format!("{} to {}", ends.0, ends.1)
    };
    format!("{rows}{foot} {:margin$}  {}\n", "", paint(DIM, names))
}

fn cell(mark: char, style: Style) -> String {
    if mark == ' ' { mark.to_string() } else { paint(style, mark) }
}

/// Between which values a chart is drawn.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let ends = |ends: Option<(f64, f64)>, value: f64| {
            let (low, high) = ends.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        };
        let (low, high) = values.filter(|value| value.is_finite()).fold(None, ends)?;
        // What does not change is drawn in the middle.
        let apart = if low < high { 0.0 } else { (low.abs() / 10.0).max(0.1) };
        Some(Self { low: low - apart, high: high + apart })
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a row of a chart"
    )]
    fn row(&self, value: f64) -> usize {
        let last = (ROWS - 1) as f64;
        // Halves, because the difference of two finite numbers need not be finite.
        let share = (self.high / 2.0 - value / 2.0) / (self.high / 2.0 - self.low / 2.0);
        (share * last).round().clamp(0.0, last) as usize
    }
}

/// Where points stand from left to right.
struct Axis {
    places: usize,
    columns: usize,
}

impl Axis {
    fn new(places: usize, room: usize) -> Self {
        let room = room.max(1);
        let step = (room / places.max(1)).clamp(1, WIDEST_STEP);
        Self { places, columns: (places * step).clamp(1, room) }
    }

    /// The column in the middle of a place, or all of it.
    fn columns_of(&self, place: usize, is_whole: bool) -> std::ops::Range<usize> {
        let (first, end) = (place * self.columns / self.places, (place + 1) * self.columns / self.places);
        let end = end.max(first + 1);
        let middle = usize::midpoint(first, end - 1);
        if is_whole { first..end } else { middle..middle + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_drawn_in_eighths_of_its_columns() {
        for (share, drawn) in [(0.0, "      "), (0.01, "      "), (0.02, "▏     "), (0.5, "███   "), (1.0, "██████")]
        {
            assert_eq!(bar(share, 6), drawn);
        }
        assert_eq!(bar(f64::NAN, 2), "  ");
        assert_eq!(bar(7.0, 2), "██");
    }

    #[test]
    fn counts_stand_side_by_side_and_none_is_a_dot() {
        assert_eq!(sparkline(&[0, 1, 4, 8], 10), "·▁▄█");
        assert_eq!(sparkline(&[1, 1_000_000], 10), "▁█", "little is not nothing");
        assert_eq!(sparkline(&[0, 0], 10), "··");
        assert_eq!(sparkline(&[], 10), "");
        assert_eq!(sparkline(&[1, 1, 0, 0, 2], 3), "█·█", "added up where there is no room");
        assert_eq!(sparkline(&[u64::MAX / 4; 3], 3), "███");
    }

    fn series(values: &[Option<f64>], mark: char, is_line: bool) -> Series {
        let points = values.iter().map(|value| value.map(|value| (value, mark))).collect();
        Series { points, style: Style::new(), is_line }
    }

    #[test]
    fn a_missing_figure_is_missing_and_the_last_series_is_on_top() {
        let daily = series(&[Some(0.8), None, Some(0.4)], '●', false);
        let rolling = series(&[Some(0.8), Some(0.8), Some(0.6)], '─', true);
        let chart = over_time(&[rolling, daily], ("1 May", "3 May"), 30);
        let expected = [
            " 0.8 ┤──●─────────",
            "     │",
            "     │",
            "     │",
            " 0.6 ┤            ──────",
            "     │",
            "     │",
            "     │",
            " 0.4 ┤              ●",
            "     └──────────────────",
            "      1 May        3 May",
        ];
        let chart = anstream::adapter::strip_str(&chart).to_string();
        assert_eq!(chart.lines().collect::<Vec<_>>(), expected, "\n{chart}");
    }

    #[test]
    fn any_number_of_points_fits_the_screen() {
        for places in [1, 2, 69, 70, 71, 1_000] {
            let values: Vec<_> = (0..places).map(|place| Some(f64::from(place))).collect();
            let chart = over_time(&[series(&values, '●', false)], ("2020-01-01", "2020-06-30"), 80);
            let chart = anstream::adapter::strip_str(&chart).to_string();
            assert!(chart.lines().all(|line| width(line) <= 80), "{chart}");
            let marks = chart.chars().filter(|&mark| mark == '●').count();
            assert!(marks >= usize::try_from(places).unwrap().min(60), "{places}: {marks}\n{chart}");
        }
    }

    #[test]
    fn no_figures_make_no_chart_and_any_figures_do() {
        assert_eq!(over_time(&[series(&[None, None], '●', false)], ("a", "b"), 80), "");
        assert_eq!(over_time(&[], ("a", "b"), 80), "");
        for values in [[0.5, 0.5], [f64::MIN, f64::MAX], [0.0, 5e-324], [1e9, 1e9 + 1.0]] {
            let chart = over_time(&[series(&values.map(Some), '●', false)], ("a", "b"), 80);
            assert_eq!(chart.matches('●').count(), 2, "{chart}");
        }
    }
}

//! Aligned columns without borders, made to fit a width. Tables of comfy-table and the like wrap cells into several
//! lines and style them only with a terminal library beside; a list to scan needs one line a row.

use anstyle::Style;

use super::text::{DIM, PLAIN, cut_end, cut_start, paint, width};

const GAP: &str = "  ";
/// What is cut keeps so many columns.
const NARROWEST: usize = 8;

/// How a column stands, and where it may lose text when the screen is narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    Left,
    Right,
    CutEnd,
    CutStart,
    /// Shown only where the whole table fits.
    Spare,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) fit: Fit,
}

#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) style: Style,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::styled(PLAIN, text)
    }

    pub(crate) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

/// Columns whose widths are known.
#[derive(Debug)]
pub(crate) struct Layout<const N: usize> {
    columns: [Column; N],
    widths: [usize; N],
}

impl<const N: usize> Layout<N> {
    pub(crate) fn new(columns: [Column; N]) -> Self {
        Self { columns, widths: [0; N] }
    }

    /// Widens the columns for these rows as far as the screen allows; one that holds nothing is not shown.
    pub(crate) fn widen(&mut self, rows: &[[Cell; N]], screen: usize) {
        for (at, column) in self.columns.iter().enumerate() {
            let widest = rows.iter().map(|row| width(&row[at].text)).max().unwrap_or(0);
            let widest = if widest == 0 { 0 } else { widest.max(width(column.title)) };
            self.widths[at] = self.widths[at].max(widest);
        }
        self.shrink(screen);
    }

    /// The width of a full line.
    fn width(&self) -> usize {
        let shown = self.widths.iter().filter(|&&width| width > 0);
        shown.map(|width| width + GAP.len()).sum::<usize>().saturating_sub(GAP.len())
    }

    /// Leaves out what can be spared, then takes width from the widest columns that may be cut, until a line fits or
    /// nothing more can be taken.
    fn shrink(&mut self, screen: usize) {
        if self.width() > screen {
            for (column, width) in self.columns.iter().zip(&mut self.widths) {
                *width = if column.fit == Fit::Spare { 0 } else { *width };
            }
        }
        while self.width() > screen {
            let Some(widest) = (0..N).filter(|&at| self.may_lose(at)).max_by_key(|&at| self.widths[at]) else { break };
            self.widths[widest] -= 1;
        }
    }

    /// Titles are never cut.
    fn may_lose(&self, at: usize) -> bool {
        let Column { title, fit } = self.columns[at];
        matches!(fit, Fit::CutEnd | Fit::CutStart) && self.widths[at] > NARROWEST.max(width(title))
    }

    pub(crate) fn head(&self) -> String {
        self.line(&self.columns.map(|column| Cell::styled(DIM, column.title)))
    }

    pub(crate) fn line(&self, row: &[Cell; N]) -> String {
        let shown = (0..N).filter(|&at| self.widths[at] > 0);
        let cells: Vec<_> = shown.map(|at| fit(&row[at], self.columns[at].fit, self.widths[at])).collect();
        cells.join(GAP).trim_end().to_owned() + "\n"
    }
}

fn fit(cell: &Cell, fit: Fit, columns: usize) -> String {
    let text = match fit {
        Fit::CutStart => cut_start(&cell.text, columns),
        Fit::CutEnd => cut_end(&cell.text, columns),
        Fit::Left | Fit::Right | Fit::Spare => cell.text.clone(),
    };
    let padding = " ".repeat(columns.saturating_sub(width(&text)));
    let text = paint(cell.style, text);
    if fit == Fit::Right { padding + &text } else { text + &padding }
}

/// A whole table, cut to the screen; without a head where no column has a title.
pub(crate) fn table<const N: usize>(columns: [Column; N], rows: &[[Cell; N]], screen: usize) -> String {
    let mut layout = Layout::new(columns);
    layout.widen(rows, screen);
    let has_head = columns.iter().any(|column| !column.title.is_empty());
    let head = has_head.then(|| layout.head());
    head.into_iter().chain(rows.iter().map(|row| layout.line(row))).collect()
}

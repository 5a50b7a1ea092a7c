//! The table of promises, and whether they hold.

use std::fmt::Display;

use super::measure::Timing;

/// What keeps a promise.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// The design gives none: the figure stands for itself.
    None,
}

impl Bar {
    fn is_met(self, measured: f64) -> bool {
        match self {
            Self::AtMost(most) => measured <= most,
            Self::AtLeast(least) => measured >= least,
            Self::None => true,
        }
    }
}

const COLUMNS: usize = 6;

#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<[String; COLUMNS]>,
    notes: Vec<String>,
}

impl Table {
    /// One time over another.
    pub(crate) fn ratio(&mut self, promise: &str, bar: Bar, ours: &Timing, theirs: &Timing) {
        self.row(promise, bar, ours.over(theirs), "", ours, theirs);
    }

    /// A figure with its unit, and what it was made of.
    pub(crate) fn row(
        &mut self,
        promise: &str,
        bar: Bar,
        measured: f64,
        unit: &str,
        ours: impl Display,
        theirs: impl Display,
    ) {
        let figure = |value: f64| format!("{value}{unit}");
        let (bar_shown, met) = match bar {
            Bar::AtMost(most) => (format!("<= {}", figure(most)), if bar.is_met(measured) { "yes" } else { "NO" }),
            Bar::AtLeast(least) => (format!(">= {}", figure(least)), if bar.is_met(measured) { "yes" } else { "NO" }),
            Bar::None => ("-".to_owned(), "-"),
        };
        self.rows.push([
            promise.to_owned(),
            format!("{measured:.2}{unit}"),
            bar_shown,
            met.to_owned(),
            ours.to_string(),
            theirs.to_string(),
        ]);
    }

    /// Says why, if the last row's promise is not kept.
    pub(crate) fn because(&mut self, reason: &str) {
        if let Some([promise, _, _, met, ..]) = self.rows.last()
            && met == "NO"
        {
            self.notes.push(format!("{promise}: {reason}"));
        }
    }

    pub(crate) fn print(&self) {
        let titles = ["promise", "measured", "bar", "met", "ours (times: mean / p50 / p99)", "compared with"];
        println!();
        print(&titles, &self.rows);
        for note in &self.notes {
            println!("Not met: {note}.");
        }
        println!();
    }
}

/// Prints rows in columns.
pub(crate) fn print<const N: usize>(titles: &[&str; N], rows: &[[String; N]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0).max(titles[column].len());
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let cells: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("| {} |", cells.join(" | "));
    };
    line(*titles);
    line(widths.map(|width| "-".repeat(width)).each_ref().map(String::as_str));
    for row in rows {
        line(row.each_ref().map(String::as_str));
    }
}

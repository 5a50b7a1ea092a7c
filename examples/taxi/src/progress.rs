//! What a stage shows while it works, and the line it leaves.

use std::fmt::{self, Display};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};

/// The progress of one stage: a bar on a terminal, nothing elsewhere, and in both a line at the end.
/// All of it goes to standard error.
pub(crate) struct Progress {
    bar: ProgressBar,
    title: String,
}

impl Progress {
    /// Of a stage that can't know how much there is to do.
    pub(crate) fn of_unknown_length(stage: &str, what: impl Display) -> Self {
        let count = |state: &ProgressState, out: &mut dyn fmt::Write| {
            if state.pos() > 0 {
                // The bar goes on without a count that can't be drawn.
                let _ = write!(out, "{}", HumanCount(state.pos()));
            }
        };
        let style = ProgressStyle::with_template("{prefix}  {spinner} {elapsed}  {count}");
        Self::new(ProgressBar::new_spinner(), style.map(|style| style.with_key("count", count)).ok(), stage, what)
    }

    /// Of a stage with `length` things to do.
    pub(crate) fn of(length: u64, stage: &str, what: impl Display) -> Self {
        let style = ProgressStyle::with_template("{prefix}  {bar:30} {human_pos} of {human_len}, {eta} left");
        Self::new(ProgressBar::new(length), style.ok(), stage, what)
    }

    fn new(bar: ProgressBar, style: Option<ProgressStyle>, stage: &str, what: impl Display) -> Self {
        let title = format!("{stage:<10}  {what}");
        if let Some(style) = style {
            bar.set_style(style);
        }
        bar.set_prefix(title.clone());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, title }
    }

    /// One thing more is done.
    pub(crate) fn advance(&self) {
        self.bar.inc(1);
    }

    /// The stage is done: leaves a line that says what came of it.
    pub(crate) fn done(self, result: &str) {
        self.bar.finish_and_clear();
        eprintln!("{}  {result}", self.title);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A number with its thousands apart: `9,957`.
pub(crate) fn grouped(number: u32) -> String {
    HumanCount(u64::from(number)).to_string()
}

//! What became of a model in use, for people at 80 columns.

use std::fmt;

use chrono::NaiveDate;
use mltrace::monitor::{Answer, DriftReport, RetrainReport, Severity};

use crate::deploy::TASK;
use crate::month::Month;
use crate::report::bar;

/// Columns of a text.
const WIDTH: usize = 80;
/// Columns of the bar of a perfect F1.
const BAR: u32 = 14;

/// The way of one model through the weeks.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// The month that the model was trained on.
    pub(crate) trained_on: String,
    pub(crate) weeks: Vec<WeekStory>,
    pub(crate) months: Vec<MonthStory>,
    /// The first answer that it is time to train again.
    pub(crate) due: Option<RetrainReport>,
}

/// One week of it.
#[derive(Debug)]
pub(crate) struct WeekStory {
    pub(crate) from: NaiveDate,
    pub(crate) f1: Option<f64>,
    /// Of all rides since the start, up to the end of this week.
    pub(crate) since_start: Option<f64>,
    pub(crate) by_day: Vec<Option<f64>>,
    /// `None` of a week that is not whole.
    pub(crate) drift: Option<DriftReport>,
}

/// One month of it.
#[derive(Debug)]
pub(crate) struct MonthStory {
    pub(crate) month: Month,
    pub(crate) drift: DriftReport,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The model of {} in use: F1 of each week, and of all rides since the start\n", self.trained_on)?;
        writeln!(f, "week from   by day   that week             since the start       data")?;
        self.weeks.iter().try_for_each(|week| row(f, week))?;
        writeln!(f, "\nDrift of a month's data from what the model was trained on\n")?;
        for MonthStory { month, drift } in &self.months {
            paragraph(f, &format!("{month}  "), &format!("{}{}", severity(drift), columns(drift)))?;
        }
        match &self.due {
            None => writeln!(f, "\nIn none of these weeks is it time to train again."),
            Some(due) => time_to_retrain(f, due),
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, week: &WeekStory) -> fmt::Result {
    let figure = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3} {}", bar(value, BAR)));
    let by_day: String = week.by_day.iter().map(|day| day.map_or('·', height)).collect();
    let drift = week.drift.as_ref().map(severity).unwrap_or_default();
    let line =
        format!("{}  {by_day:>7}  {:<20}  {:<20}  {drift}", week.from, figure(week.f1), figure(week.since_start));
    writeln!(f, "{}", line.trim_end())
}

/// A figure from 0 to 1 as a column of one character.
fn height(value: f64) -> char {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let reached = (1..8_u8).take_while(|eighth| f64::from(*eighth) / 8.0 <= value).count();
    HEIGHTS[reached]
}

fn severity(drift: &DriftReport) -> String {
    let alarms = drift.columns.iter().filter(|column| !column.alarms.is_empty()).count();
    match drift.severity {
        Severity::None => "no alarm".to_owned(),
        severity => format!("{severity} {alarms}/{}", drift.columns.len()),
    }
}

/// Those that alarm.
fn columns(drift: &DriftReport) -> String {
    let alarming = drift.columns.iter().filter(|column| !column.alarms.is_empty());
    let names: Vec<&str> = alarming.map(|column| column.column.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

fn time_to_retrain(f: &mut fmt::Formatter<'_>, due: &RetrainReport) -> fmt::Result {
    let day = due.as_of.date_naive();
    writeln!(f, "\nOn {day} the checklist says: train it again, because\n")?;
    for finding in due.findings.iter().filter(|finding| finding.answer == Answer::Yes) {
        for (at, said) in finding.evidence.iter().enumerate() {
            paragraph(f, if at == 0 { "- " } else { "  " }, said)?;
        }
        if let Some(advice) = &finding.advice {
            paragraph(f, "  -> ", advice)?;
        }
    }
    writeln!(
        f,
        "\nAsk for more:\n\n  cargo run -p mltrace-cli -- metrics {TASK} --by day\n  \
         cargo run -p mltrace-cli -- drift {TASK} --until {day}\n  \
         cargo run -p mltrace-cli -- retrain {TASK} --as-of {day}"
    )
}

/// A text under its first words.
fn paragraph(f: &mut fmt::Formatter<'_>, begin: &str, text: &str) -> fmt::Result {
    let indent = " ".repeat(begin.chars().count());
    let options = textwrap::Options::new(WIDTH).initial_indent(begin).subsequent_indent(&indent);
    textwrap::wrap(text, options).iter().try_for_each(|line| writeln!(f, "{line}"))
}

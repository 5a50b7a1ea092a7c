//! How a task does: what the model gives out, and how well it does by the labels that come late.

use std::collections::HashMap;
use std::ops::Range;

use askama::Template;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, SubsecRound, TimeDelta, Utc};
use mltrace_core::__words::{count, duration, metric, percent, range, rough, share, spelled, utc};
use mltrace_core::monitor::__overview::{FEWEST, Measured, Measuring, is_certain, measure, remark};
use mltrace_core::monitor::{Bin, ColumnProfile, Confusion, Figure, Metric, Task, WindowFigure, WindowOutput, Windows};
use mltrace_core::{ErrorKind, RunBrief, RunId, Tracer};
use serde::Deserialize;

use super::chart::{Chart, Scale, Told};
use super::form::time;
use super::frame::Frame;
use super::{link, words};
use crate::problem::Problem;

/// So many days are shown unless others are asked for.
const DAYS: u64 = 90;
/// And then no more than the days of the last so many outputs, but one day at least: each of them is read.
const MOST: u32 = 30_000;
/// The distribution is drawn over at most so many windows, which are longer then.
const COLUMNS: i64 = 180;
/// Bars of the share that is labelled.
const SHARES: usize = 500;
/// Windows of a table.
const ROWS: usize = 100;
/// Outputs of a window.
const OUTPUTS: u32 = 10;
/// More than these are not flagged at once.
const MOST_FLAGGED: u64 = 10_000;
const PERCENTILES: [u8; 9] = [1, 5, 10, 25, 50, 75, 90, 95, 99];

/// What is to be shown.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Question {
    pub(super) name: Option<String>,
    /// In the list of all, the name after which it goes on.
    pub(super) after: Option<String>,
    since: Option<String>,
    until: Option<String>,
    by: By,
    metric: Option<Metric>,
    /// The start of the window that is looked at.
    window: Option<String>,
    /// Of which drift is asked.
    days: Option<u32>,
    column: Option<String>,
}

/// How long the windows of a metric are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Hour,
    #[default]
    Day,
    Week,
}

impl By {
    const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    fn width(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
            Self::Week => TimeDelta::weeks(1),
        }
    }
}

/// A task, as a page.
#[derive(Template)]
#[template(path = "web/task.html")]
pub(super) struct Page {
    frame: Frame,
    name: String,
    by: By,
    metric: Metric,
    /// Nothing of a task that has no outputs as yet.
    shown: Option<Shown>,
}

/// What there is to see of a task.
struct Shown {
    span: Span,
    head: String,
    distribution: Option<Distribution>,
    measured: Result<Performance, String>,
    drift: String,
    retrain: String,
}

/// From when to when, and why.
struct Span {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// When the last output was given out, where that is so long ago that what is shown ends with it.
    ends_with: Option<DateTime<Utc>>,
    /// Where all days are shown that would be, were there fewer outputs.
    longer: Option<String>,
}

/// What was given out, by the values.
struct Distribution {
    map: Chart,
    percentiles: Chart,
    each: String,
    rows: Vec<SpreadRow>,
}

struct SpreadRow {
    from: String,
    outputs: u64,
    /// The percentiles and the mean.
    figures: Vec<String>,
}

/// How well the model does.
struct Performance {
    chart: Option<Chart>,
    labelled: Chart,
    legend: Legend,
    rows: Vec<Row>,
    /// How many windows there are before those of the table, and where they are.
    before: Option<(String, String)>,
    estimate: Option<String>,
    looked_at: Option<LookedAt>,
    /// The time that was chosen, where no window has it.
    looked_past: Option<String>,
}

/// What stands in the chart.
struct Legend {
    early: bool,
    rolling: bool,
}

/// A window in the table.
struct Row {
    from: String,
    link: String,
    figure: String,
    rolling: String,
    outputs: u64,
    labelled: u64,
    share: String,
    remark: &'static str,
    is_worst: bool,
}

/// A window that is looked at, and what is in it.
struct LookedAt {
    said: String,
    figure: String,
    overall: Option<String>,
    window: WindowFigure,
    from: String,
    to: String,
    outputs: Vec<WindowOutput>,
    /// Of these how many are wrong, and which, as JSON.
    wrong: (usize, String),
    runs: HashMap<RunId, RunBrief>,
}

pub(super) fn page(tracer: &Tracer, frame: Frame, name: &str, query: &Question) -> Result<Page, Problem> {
    let task = tracer.task(name)?;
    let by = query.by;
    let metric = query.metric.unwrap_or(Metric::F1);
    let shown = match task.output_times()? {
        Some((first, last)) => Some(shown(tracer, &task, query, (first, last))?),
        None => None,
    };
    Ok(Page { frame, name: name.to_owned(), by, metric, shown })
}

fn shown(
    tracer: &Tracer,
    task: &Task,
    query: &Question,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Shown, Problem> {
    let span = Span::of(task, query, first, last)?;
    let asked = Measuring {
        metric: query.metric.unwrap_or(Metric::F1),
        threshold: 0.5,
        windows: Windows::Tumbling(query.by.width()),
        since: Some(span.from),
        until: Some(span.to),
    };
    let measured = match measure(task, &asked) {
        Ok(measured) => Ok(measured),
        Err(error) if error.kind() == ErrorKind::Invalid => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let lag = task.usual_lag()?;
    let head =
        head(task, &span, query.until.as_deref().is_some_and(|until| !until.is_empty()), measured.as_ref().ok(), lag)?;
    let day = span.ends_with.map(|_| span.to.date_naive().to_string()).or_else(|| query.until.clone());
    let days = query.days.map(|days| days.to_string());
    let mut asked_of_drift = vec![("task", task.name())];
    asked_of_drift.extend(day.as_deref().filter(|day| !day.is_empty()).map(|day| ("until", day)));
    asked_of_drift.extend(days.as_deref().map(|days| ("days", days)));
    asked_of_drift.extend(query.column.as_deref().map(|column| ("column", column)));
    let as_of =
        query.until.as_deref().map(time).transpose()?.flatten().filter(|until| *until < Utc::now()).map(spelled);
    let mut asked_of_model = vec![("task", task.name())];
    asked_of_model.extend(as_of.as_deref().map(|time| ("as_of", time)));
    Ok(Shown {
        distribution: distribution(task, query, &span)?,
        measured: measured
            .map(|measured| performance(tracer, task, query, &measured))
            .map_or_else(|why| Ok(Err(why)), |found| found.map(Ok))?,
        drift: link::to("/drift", &asked_of_drift),
        retrain: link::to("/retrain", &asked_of_model),
        head,
        span,
    })
}

impl Span {
    /// The type of a field that holds such a time whole, and how the field spells it.
    fn field(&self, time: &DateTime<Utc>) -> (&'static str, String) {
        let is_of_days = [self.from, self.to].iter().all(|end| end.time() == NaiveTime::MIN);
        if is_of_days {
            ("date", time.date_naive().to_string())
        } else {
            ("datetime-local", time.naive_utc().trunc_subsecs(3).format("%Y-%m-%dT%H:%M:%S%.f").to_string())
        }
    }

    /// As it is asked for; else the last days, up to today or, where nothing came for so long, to the last output. Fewer days
    /// where more came in them than is read unless that is asked for.
    fn of(task: &Task, query: &Question, first: DateTime<Utc>, last: DateTime<Utc>) -> Result<Self, Problem> {
        let before = |time: DateTime<Utc>| time.checked_sub_days(Days::new(DAYS)).unwrap_or(DateTime::UNIX_EPOCH);
        let tomorrow = day_after(Utc::now());
        let is_long_ago = last < before(tomorrow);
        let until = query.until.as_deref().map(time).transpose()?.flatten();
        let to = until.unwrap_or(if is_long_ago { day_after(last) } else { tomorrow });
        let since = query.since.as_deref().map(time).transpose()?.flatten();
        let all = before(to).max(day_start(first.date_naive()).min(to - TimeDelta::days(1)));
        let from = if let Some(since) = since {
            since
        } else {
            let start = task.start_of_last(MOST, to)?.filter(|start| *start > all);
            start.map_or(all, |start| day_after(start).min(to - TimeDelta::days(1)))
        };
        let longer = (since.is_none() && from > all).then(|| {
            let times = [("since", spelled(all)), ("until", spelled(to))];
            link_to(task.name(), &zoomed(query, &times))
        });
        if from >= to {
            return Err(Problem::refused(format!("{} is not before {}: choose an earlier start", utc(from), utc(to))));
        }
        Ok(Self { from, to, ends_with: (until.is_none() && is_long_ago).then_some(last), longer })
    }
}

/// How many outputs there are, before an end where one was asked for, and what is known of them.
fn head(
    task: &Task,
    span: &Span,
    is_ended: bool,
    measured: Option<&Measured>,
    lag: Option<TimeDelta>,
) -> Result<String, Problem> {
    let (outputs, labelled) = if let Some(measured) = measured {
        let sum = |of: fn(&WindowFigure) -> u64| measured.windows.iter().map(of).sum::<u64>();
        (sum(|window| window.outputs), sum(|window| window.labelled))
    } else {
        let found = task.outputs(Some(span.from), Some(span.to))?;
        (found.outputs, found.labelled)
    };
    let labels = match labelled {
        0 if outputs == 0 => String::new(),
        0 => ", none of them labelled: how well the model does is not known".to_owned(),
        _ => format!(", {labelled} of them labelled ({})", percent(share(labelled, outputs))),
    };
    let milliseconds =
        |lag: TimeDelta| duration(std::time::Duration::as_secs_f64(&lag.to_std().unwrap_or_default()) * 1e3);
    let lag = lag.map(|lag| format!(". 95 of 100 labels come within {}", milliseconds(lag))).unwrap_or_default();
    let before = if is_ended { format!(" and before {}", utc(span.to)) } else { String::new() };
    Ok(format!("{} since {}{before}{labels}{lag}.", count(outputs, "output"), utc(span.from)))
}

fn distribution(task: &Task, query: &Question, span: &Span) -> Result<Option<Distribution>, Problem> {
    let width = query.by.width();
    let windows = (span.to - span.from).num_seconds().div_euclid(width.num_seconds()) + 1;
    let step = i32::try_from(windows.saturating_sub(1).div_euclid(COLUMNS) + 1).unwrap_or(i32::MAX);
    let ends = ends(span, width * step);
    let spread = task.spread(&ends)?;
    let summary = spread.whole.summary();
    let Some(edges) = edges(&summary.bins) else { return Ok(None) };
    let feet = feet(span.from, span.to);
    let of_windows: Vec<Vec<f64>> = spread.windows.iter().map(|window| shares(window, &edges)).collect();
    let told = |part: Range<usize>| {
        let window = &spread.windows[part.start];
        let figures = PERCENTILES.map(|percent| format!("{percent} %: {}", figure(quantile(window, percent))));
        let outputs = count(window.count(), "output");
        let text = format!("{} to {}: {outputs}\n{}", utc(ends[part.start]), utc(ends[part.end]), figures.join(", "));
        let narrower = [("since", spelled(ends[part.start])), ("until", spelled(ends[part.end]))];
        Told { link: Some(link_to(task.name(), &zoomed(query, &narrower))), text }
    };
    let labels: Vec<Option<f64>> =
        summary.bins.iter().map(|bin| bin.from).chain(summary.bins.last().map(|bin| bin.to)).collect();
    let map = Chart::new(feet.clone()).map(&of_windows, &labels).places(spread.windows.len(), told);
    let (low, high) = (spread.whole.quantile(0.01), spread.whole.quantile(0.99));
    let (least, most) = (of_all(&spread.windows, 1, f64::min), of_all(&spread.windows, 99, f64::max));
    let percentiles = Scale::around([low, high, least, most].into_iter().flatten()).map(|scale| {
        let bands = [("band b1", 1, 99), ("band b2", 5, 95), ("band b3", 10, 90), ("band b4", 25, 75)];
        let chart = Chart::new(feet).scale(&scale);
        let chart = bands.into_iter().fold(chart, |chart, (class, low, high)| {
            let ends = |window: &ColumnProfile| quantile(window, low).zip(quantile(window, high));
            chart.band(class, &spread.windows.iter().map(ends).collect::<Vec<_>>(), &scale)
        });
        let median = |window: &ColumnProfile| quantile(window, 50).map(|median| (median, median));
        chart
            .band("median", &spread.windows.iter().map(median).collect::<Vec<_>>(), &scale)
            .places(spread.windows.len(), told)
    });
    let row = |(window, from): (&ColumnProfile, &DateTime<Utc>)| SpreadRow {
        from: utc(*from),
        outputs: window.count(),
        figures: PERCENTILES
            .map(|percent| quantile(window, percent))
            .into_iter()
            .chain([window.moments().and_then(mltrace_core::monitor::Moments::mean)])
            .map(figure)
            .collect(),
    };
    Ok(Some(Distribution {
        map,
        percentiles: percentiles.unwrap_or_default(),
        each: if step == 1 { query.by.name().to_owned() } else { format!("{step} {}s", query.by.name()) },
        rows: spread.windows.iter().zip(&ends).map(row).collect(),
    }))
}

/// The start of each window, and the end of the last.
fn ends(span: &Span, width: TimeDelta) -> Vec<DateTime<Utc>> {
    let next = |time: &DateTime<Utc>| time.checked_add_signed(width).filter(|next| *next < span.to);
    std::iter::successors(Some(span.from), next).chain([span.to]).collect()
}

/// The greatest number in each row of the map but the last one: a row holds its lower end and not its upper one.
fn edges(bins: &[Bin]) -> Option<Vec<f64>> {
    let (_, rest) = bins.split_first()?;
    rest.iter().map(|bin| bin.from.map(f64::next_down)).collect()
}

/// Which share of a window is in each row.
fn shares(window: &ColumnProfile, edges: &[f64]) -> Vec<f64> {
    let rows = edges.len() + 1;
    if window.count() == 0 {
        return vec![0.0; rows];
    }
    let up_to = if edges.is_empty() { Some(Vec::new()) } else { window.shares_up_to(edges) };
    let Some(up_to) = up_to else { return vec![0.0; rows] };
    let starts = std::iter::once(0.0).chain(up_to.clone());
    up_to.into_iter().chain([1.0]).zip(starts).map(|(end, start)| (end - start).max(0.0)).collect()
}

fn quantile(window: &ColumnProfile, percent: u8) -> Option<f64> {
    window.quantile(f64::from(percent) / 100.0)
}

fn of_all(windows: &[ColumnProfile], percent: u8, fold: fn(f64, f64) -> f64) -> Option<f64> {
    windows.iter().filter_map(|window| quantile(window, percent)).reduce(fold)
}

fn figure(figure: Option<f64>) -> String {
    figure.map(rough).unwrap_or_default()
}

fn performance(tracer: &Tracer, task: &Task, query: &Question, measured: &Measured) -> Result<Performance, Problem> {
    let windows = &measured.windows;
    let worst = measured.worst.as_ref().map(|worst| worst.window.from);
    let rolling = |at: usize| measured.rolling.as_ref().and_then(|rolling| number(rolling.get(at)?));
    let row = |(at, window): (usize, &WindowFigure)| Row {
        from: utc(window.from),
        link: look_at(task, query, window.from),
        figure: window.figure.map(said).unwrap_or_default(),
        rolling: rolling(at).map(metric).unwrap_or_default(),
        outputs: window.outputs,
        labelled: window.labelled,
        share: window.share_labelled.map(percent).unwrap_or_default(),
        remark: remark(window),
        is_worst: worst == Some(window.from),
    };
    let skipped = windows.len().saturating_sub(ROWS);
    let before = windows.get(skipped).filter(|_| skipped > 0).map(|first| {
        let earlier = zoomed(query, &[("since", spelled(windows[0].from)), ("until", spelled(first.from))]);
        (count(skipped as u64, "window"), link_to(task.name(), &earlier))
    });
    let legend = Legend {
        early: windows.iter().any(|window| !is_certain(window) && number(window).is_some()),
        rolling: measured.rolling.is_some() && windows.len() > 1,
    };
    let (chart, labelled) = charts(task, query, measured);
    let looked_at = looked_at(tracer, task, query, measured)?;
    Ok(Performance {
        chart,
        labelled,
        legend,
        rows: windows.iter().enumerate().skip(skipped).map(row).collect(),
        before,
        estimate: estimated(measured),
        looked_past: query.window.clone().filter(|time| !time.is_empty() && looked_at.is_none()),
        looked_at,
    })
}

/// The metric, and which share is labelled.
fn charts(task: &Task, query: &Question, measured: &Measured) -> (Option<Chart>, Chart) {
    let windows = &measured.windows;
    let all = windows.len();
    let feet = match (windows.first(), windows.last()) {
        (Some(first), Some(last)) => feet(first.from, last.to),
        _ => Vec::new(),
    };
    let tell = |part: Range<usize>| told(task, query, measured, part);
    let shares = Scale::shares();
    let labelled: Vec<_> = windows.chunks(all.div_ceil(SHARES).max(1)).map(labelled_of).collect();
    let labelled = Chart::new(feet.clone()).low().scale(&shares).band("share", &labelled, &shares).places(all, tell);
    let rolling: Vec<Option<f64>> = measured.rolling.iter().flatten().map(number).collect();
    let certain: Vec<_> = windows.iter().map(|window| number(window).filter(|_| is_certain(window))).collect();
    let early: Vec<_> = windows.iter().map(|window| number(window).filter(|_| !is_certain(window))).collect();
    let every = rolling.iter().chain(&certain).chain(&early).copied().flatten();
    let chart = Scale::around(every).map(|scale| {
        // Of the last windows, those whose labels are still to come.
        let whole = windows.iter().rposition(|window| window.is_mature).map_or(0, |last| last + 1);
        let chart = Chart::new(feet).scale(&scale);
        let chart = if whole < all { chart.shade("early", whole..all, all) } else { chart };
        chart
            .dots("own early", &early, &scale)
            .dots("own", &certain, &scale)
            .line("rolling", &rolling, &scale)
            .places(all, tell)
    });
    (chart, labelled)
}

/// From nothing to the share that is labelled of some windows; nothing of no outputs.
fn labelled_of(windows: &[WindowFigure]) -> Option<(f64, f64)> {
    let sum = |of: fn(&WindowFigure) -> u64| windows.iter().map(of).sum::<u64>();
    let outputs = sum(|window| window.outputs);
    (outputs > 0).then(|| (0.0, share(sum(|window| window.labelled), outputs)))
}

/// What is to be told of some windows, and where that leads: to one that is alone, and into many.
fn told(task: &Task, query: &Question, measured: &Measured, part: Range<usize>) -> Told {
    let windows = &measured.windows[part.clone()];
    let [first, .., last] = windows else {
        let window = &windows[0];
        let rolling = measured.rolling.as_ref().and_then(|rolling| number(rolling.get(part.start)?));
        let rolling = rolling.map(|rolling| format!(", since start {}", metric(rolling))).unwrap_or_default();
        let figure = window.figure.map_or_else(|| "not known".to_owned(), said);
        let remark = Some(remark(window)).filter(|remark| !remark.is_empty());
        let remark = remark.map(|remark| format!(", {remark}")).unwrap_or_default();
        let text = format!(
            "{}: {} {figure}{rolling}; {} of {} labelled{remark}",
            utc(window.from),
            measured.metric,
            window.labelled,
            count(window.outputs, "output"),
        );
        return Told { link: Some(look_at(task, query, window.from)), text };
    };
    let numbers = || windows.iter().filter_map(number);
    let (low, high) = (numbers().reduce(f64::min), numbers().reduce(f64::max));
    let text = format!("{} to {}: {} {}", utc(first.from), utc(last.to), measured.metric, range(low, high));
    let narrower = zoomed(query, &[("since", spelled(first.from)), ("until", spelled(last.to))]);
    Told { link: Some(link_to(task.name(), &narrower)), text }
}

/// The window that was chosen, or else the worst.
fn looked_at(tracer: &Tracer, task: &Task, query: &Question, measured: &Measured) -> Result<Option<LookedAt>, Problem> {
    let worst = measured.worst.as_ref().map(|worst| &worst.window);
    let chosen = query.window.as_deref().map(time).transpose()?.flatten();
    let window = match chosen {
        Some(time) => measured.windows.iter().find(|window| window.from <= time && time < window.to),
        None => worst,
    };
    let Some(window) = window else { return Ok(None) };
    let outputs = task.most_wrong_first(window.from, window.to, window.threshold, OUTPUTS)?;
    let writers: Vec<RunId> = outputs.iter().filter_map(|output| output.written_by).collect();
    let runs = tracer.briefs(&writers)?.into_iter().map(|run| (run.id, run)).collect();
    let wrong = outputs.iter().filter(|output| is_wrong(output, window.threshold));
    let wrong: Vec<&str> = wrong.map(|output| output.id.as_str()).collect();
    let wrong = (wrong.len(), serde_json::to_string(&wrong).unwrap_or_default());
    let overall = measured.rolling.iter().flatten().last().and_then(number).map(metric);
    let time = if query.by == By::Hour || chosen.is_some() {
        format!("{} to {}", utc(window.from), utc(window.to))
    } else {
        utc(window.from)
    };
    Ok(Some(LookedAt {
        said: if worst == Some(window) { format!("The worst {}: {time}", query.by.name()) } else { time },
        figure: window.figure.map(said).unwrap_or_default(),
        overall,
        from: spelled(window.from),
        to: spelled(window.to),
        window: window.clone(),
        outputs,
        wrong,
        runs,
    }))
}

/// Whether something else turned out to be true: another class, where the metric counts classes.
#[expect(clippy::float_cmp, reason = "any distance from the truth is one")]
fn is_wrong(output: &WindowOutput, threshold: Option<f64>) -> bool {
    let Some(truth) = output.truth else { return false };
    threshold.map_or(truth != output.value, |threshold| {
        let accuracy = Metric::Accuracy.of(&[truth], &[output.value], threshold);
        accuracy.is_ok_and(|accuracy| accuracy.and_then(Figure::number) == Some(0.0))
    })
}

impl LookedAt {
    fn run(&self, output: &WindowOutput) -> Option<&RunBrief> {
        self.runs.get(&output.written_by?)
    }
}

fn number(window: &WindowFigure) -> Option<f64> {
    window.figure.and_then(Figure::number)
}

fn said(figure: Figure) -> String {
    match figure {
        Figure::Number(number) => metric(number),
        Figure::Confusion(Confusion { true_positives, false_positives, false_negatives, true_negatives }) => {
            format!("tp {true_positives} fp {false_positives} fn {false_negatives} tn {true_negatives}")
        }
    }
}

fn estimated(measured: &Measured) -> Option<String> {
    let tail = measured.estimate.as_ref()?;
    let of = format!("{} since {}, none of which is labelled", count(tail.estimate.outputs, "output"), utc(tail.since));
    let learned_from = tail.estimate.learned_from;
    Some(match tail.estimate.figure {
        Some(figure) => format!(
            "{} of the {of}, may be {}: an estimate from {learned_from} labelled before, no measurement",
            measured.metric,
            metric(figure),
        ),
        None => format!("nothing can be told of the {of}, nor estimated from {learned_from} labelled before"),
    })
}

/// The page of a task, with a question.
pub(super) fn link_to(task: &str, question: &[(&str, String)]) -> String {
    let question = question.iter().map(|(key, value)| (*key, value.as_str()));
    link::to(&link::of("/tasks", task), &question.collect::<Vec<_>>())
}

/// The same question of other times.
fn zoomed<'q>(query: &Question, times: &[(&'q str, String)]) -> Vec<(&'q str, String)> {
    let mut question = times.to_vec();
    question.push(("by", query.by.name().to_owned()));
    question.extend(query.metric.map(|metric| ("metric", metric.name().to_owned())));
    question
}

/// The same page, where one window is looked at.
fn look_at(task: &Task, query: &Question, from: DateTime<Utc>) -> String {
    let times = [("since", &query.since), ("until", &query.until)];
    let times = times.into_iter().filter_map(|(key, time)| Some((key, time.clone().filter(|time| !time.is_empty())?)));
    let mut question = zoomed(query, &times.collect::<Vec<_>>());
    question.push(("window", spelled(from)));
    link_to(task.name(), &question) + "#window"
}

/// What stands below a chart over time.
fn feet(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<String> {
    let middle = from + (to - from) / 2;
    [from, middle, to].map(|time| utc(DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time))).into()
}

pub(super) fn day_start(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// When the day after a time begins.
pub(super) fn day_after(time: DateTime<Utc>) -> DateTime<Utc> {
    time.date_naive().succ_opt().map_or(time, day_start)
}

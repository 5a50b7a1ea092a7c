//! The model in use: its answers are logged as they are given, what came true is told days later or never, and each
//! Monday is asked how it fares.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use mltrace::Tracer;
use mltrace::monitor::{
    Answer, Checklist, DataRule, DriftReport, Figure, Metric, RetrainReport, Task, WindowFigure, Windows,
};

use crate::month::Month;
use crate::pipeline::{self, Plan};
use crate::progress::Progress;
use crate::story::{MonthStory, Story, WeekStory};
use crate::tips::Tips;

/// What the model is asked: will the tip be high?
pub(crate) const TASK: &str = "high_tip";

/// Deploys the model, and tells how it fared.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<Story> {
    let tracer = Tracer::open_default()?;
    mltrace::init(tracer.clone())?;
    let task = tracer.task(TASK)?;
    let mut tips = Tips::new();
    pipeline::run_and_give(plan, |examples, predictions| {
        let answered = predictions.iter().zip(examples);
        task.log_outputs(answered.clone().map(|(p, example)| (p.id.clone(), p.probability, example.pickup.and_utc())))?;
        answered.for_each(|(p, example)| tips.happened(&p.id, example.pickup, example.high_tip));
        let now = examples.last().map(|example| example.pickup).unwrap_or_default();
        Ok(task.log_feedbacks(tips.told_until(now))?)
    })?;
    let [Some(first), Some(last)] = [plan.serve.first(), plan.serve.last()] else { return Ok(Story::default()) };
    let until = end(*last);
    task.log_feedbacks(tips.told_until(until.naive_utc()))?;
    Watch { task, since: first.start().and_utc(), until }.story(plan)
}

/// The first instant after a month.
fn end(month: Month) -> DateTime<Utc> {
    month.next().unwrap_or(month).start().and_utc()
}

/// The task, and the time over which it is looked at.
struct Watch {
    task: Task,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Watch {
    fn story(&self, plan: &Plan) -> anyhow::Result<Story> {
        let week = TimeDelta::days(7);
        let by_week = self.f1(Windows::Tumbling(week))?;
        let by_day = self.f1(Windows::DAILY)?;
        let monday = self.since - TimeDelta::days(self.since.weekday().num_days_from_monday().into());
        let rolling = self.f1(Windows::Rolling { since: monday, step: week })?;
        let progress = Progress::of(by_week.len() as u64, "watch", TASK);
        let mut story = Story { trained_on: plan.train.to_string(), ..Story::default() };
        for week in by_week {
            let days = by_day.iter().filter(|day| week.from <= day.from && day.from < week.to);
            let since_start = rolling.iter().find(|rolling| rolling.to == week.to);
            let is_whole = week.to - week.from == TimeDelta::days(7) && week.to <= self.until;
            let (drift, retrain) =
                if is_whole { (Some(self.drift(week.to, 7)?), Some(self.retrain(week.to)?)) } else { (None, None) };
            story.weeks.push(WeekStory {
                from: week.from.date_naive(),
                f1: number(&week),
                since_start: since_start.and_then(number),
                by_day: days.map(number).collect(),
                drift,
            });
            let is_due = |report: &RetrainReport| report.answer == Answer::Yes;
            story.due = story.due.or(retrain.filter(is_due));
            progress.advance();
        }
        for &month in &plan.serve {
            let days = (end(month) - month.start().and_utc()).num_days();
            story.months.push(MonthStory { month, drift: self.drift(end(month), u32::try_from(days)?)? });
        }
        progress.done(&format!("{} weeks", story.weeks.len()));
        Ok(story)
    }

    fn f1(&self, windows: Windows) -> mltrace::Result<Vec<WindowFigure>> {
        let asked = self.task.metrics(Metric::F1).windows(windows).until(self.until).as_of(self.until);
        if matches!(windows, Windows::Rolling { .. }) { asked } else { asked.since(self.since) }.get()
    }

    fn drift(&self, until: DateTime<Utc>, days: u32) -> mltrace::Result<DriftReport> {
        Ok(self.task.drift().days(days).until(until.date_naive()).get()?.report)
    }

    fn retrain(&self, as_of: DateTime<Utc>) -> mltrace::Result<RetrainReport> {
        // The rides are years old and the runs are of today, so that nothing can have become stale in between.
        let data = DataRule { fresher: false, modified: false };
        self.task.retrain().checklist(Checklist { data, ..Checklist::default() }).as_of(as_of).get()
    }
}

fn number(window: &WindowFigure) -> Option<f64> {
    window.figure.and_then(Figure::number)
}

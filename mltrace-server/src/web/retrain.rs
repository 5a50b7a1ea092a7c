//! Whether a model is to be trained again.

use askama::Template;
use chrono::Utc;
use mltrace_core::__words::{spelled, utc};
use mltrace_core::ErrorKind;
use mltrace_core::monitor::__overview::{answered, asked, concluded};
use mltrace_core::monitor::{Answer, Criterion, Finding, RetrainReport, Training};
use serde::Deserialize;

use super::form::time;
use super::frame::Frame;
use super::link;
use super::site::{Site, Visit};
use super::task::{day_after, link_to};
use crate::api::Nothing;
use crate::problem::Problem;

pub(super) fn add(site: Site) -> Site {
    site.view_of_files("/retrain", retrain)
}

/// Of which task, and as of when.
#[derive(Debug, Deserialize)]
struct Question {
    task: String,
    as_of: Option<String>,
}

/// The checklist, as a page, or as a part of the task's.
#[derive(Template)]
#[template(path = "web/retrain.html")]
struct Retrain {
    frame: Frame,
    task: String,
    link: String,
    as_of: String,
    /// The same as of the last outputs, where none came today.
    as_of_last: Option<(String, String)>,
    /// Or why nothing can be told.
    found: Result<Found, String>,
}

struct Found {
    concluded: String,
    class: &'static str,
    training: Option<Training>,
    findings: Vec<Row>,
}

/// A criterion and what was found of it.
struct Row {
    asked: &'static str,
    answered: &'static str,
    class: &'static str,
    evidence: Vec<String>,
    advice: Option<String>,
    /// Where there is more to see.
    more: Option<(String, &'static str)>,
}

fn retrain(visit: Visit<'_, Nothing, Question>) -> Result<Retrain, Problem> {
    let Visit { tracer, query, frame, .. } = visit;
    let task = tracer.task(&query.task)?;
    let last = task.output_times()?.map(|(_, last)| last);
    let as_of = query.as_of.as_deref().map(time).transpose()?.flatten();
    let now = Utc::now();
    let question = task.retrain().as_of(as_of.unwrap_or(now));
    let found = match question.get() {
        Ok(report) => Ok(Found::of(report)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid) => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let is_past = last.filter(|last| as_of.is_none() && last.date_naive() < now.date_naive());
    let as_of_last = is_past
        .map(day_after)
        .map(|day| (link::to("/retrain", &[("task", &query.task), ("as_of", &spelled(day))]), utc(day)));
    let link = link_to(&query.task, &[]);
    Ok(Retrain { frame, link, as_of: utc(as_of.unwrap_or(now)), as_of_last, found, task: query.task })
}

impl Found {
    fn of(report: RetrainReport) -> Self {
        let task = report.task.clone();
        Self {
            concluded: concluded(&report),
            class: class_of(report.answer),
            training: report.training,
            findings: report.findings.into_iter().map(|finding| row(&task, finding)).collect(),
        }
    }
}

fn row(task: &str, finding: Finding) -> Row {
    let more = match finding.criterion {
        _ if finding.answer == Answer::No => None,
        Criterion::Metric => Some((link_to(task, &[]) + "#metric", "the metric over time")),
        Criterion::Drift => Some((link::to("/drift", &[("task", task)]), "the columns")),
        _ => None,
    };
    Row {
        asked: asked(finding.criterion),
        answered: answered(finding.answer),
        class: class_of(finding.answer),
        evidence: finding.evidence,
        advice: finding.advice,
        more,
    }
}

fn class_of(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "bad",
        Answer::No => "good",
        Answer::TooLittleToKnow => "open",
    }
}

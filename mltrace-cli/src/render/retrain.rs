//! Whether to train a model again.

use anstyle::Style;
use mltrace_core::__words::utc;
use mltrace_core::monitor::__overview::{answered, asked, concluded};
use mltrace_core::monitor::{Answer, Criterion, Finding, RetrainReport};

use super::text::{BAD, GOOD, OPEN, STRONG, argument, nexts, one_line, paint, run_name};
use super::wrap::wrap;
use crate::session::Screen;

const INDENT: usize = "too little  ".len();

pub(crate) fn retrain(report: &RetrainReport, screen: Screen) -> String {
    let findings = report.findings.iter().map(|found| finding(found, screen)).collect::<String>();
    format!("{}\n{findings}{}", head(report), steps(report, screen))
}

fn head(report: &RetrainReport) -> String {
    let said = paint(style_of(report.answer), concluded(report));
    let model = report.training.as_ref().map(|training| {
        format!("model {}, trained by {}\n", one_line(&training.model), run_name(training.run, "").trim_end())
    });
    let name = paint(STRONG, one_line(&report.task));
    format!("{name}  as of {} (UTC)\n{}{said}\n", utc(report.as_of), model.unwrap_or_default())
}

fn finding(finding: &Finding, screen: Screen) -> String {
    let (style, word) = (style_of(finding.answer), answered(finding.answer));
    let room = screen.width.saturating_sub(INDENT);
    let name = paint(STRONG, asked(finding.criterion));
    let word = format!("{}{name}\n", paint(style, format!("{word:INDENT$}")));
    let evidence = finding.evidence.iter().flat_map(|said| wrap(&one_line(said), room));
    let advice = finding.advice.iter().flat_map(|advice| wrap(&format!("-> {}", one_line(advice)), room));
    let lines = evidence.chain(advice.map(|line| paint(style, line)));
    let indent = " ".repeat(INDENT);
    lines.fold(word, |text, line| text + &indent + &line + "\n")
}

fn style_of(answer: Answer) -> Style {
    match answer {
        Answer::Yes => BAD,
        Answer::No => GOOD,
        Answer::TooLittleToKnow => OPEN,
    }
}

/// What to look at, of the criteria that are met.
fn steps(report: &RetrainReport, screen: Screen) -> String {
    let task = argument(&report.task);
    let day = report.as_of.date_naive();
    let until = if day < screen.now.date_naive() { format!(" --until {day}") } else { String::new() };
    let step = |finding: &Finding| match (finding.answer, finding.criterion) {
        (Answer::No, _) => None,
        (_, Criterion::Metric) => Some(format!("mltrace metrics {task}")),
        (_, Criterion::Drift) => Some(format!("mltrace drift {task}{until}")),
        _ => None,
    };
    let inspect = report.training.as_ref().map(|training| format!("mltrace inspect {}", training.run));
    let steps: Vec<String> = report.findings.iter().filter_map(step).chain(inspect).collect();
    if steps.is_empty() { String::new() } else { "\n".to_owned() + &nexts(&steps) }
}

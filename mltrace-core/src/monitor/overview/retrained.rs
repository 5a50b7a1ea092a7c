//! The words of the checklist.

use super::super::retrain::{Answer, Criterion, RetrainReport};

/// What all criteria come to.
pub fn concluded(report: &RetrainReport) -> String {
    let met = report.findings.iter().filter(|finding| finding.answer == Answer::Yes).count();
    let all = report.findings.len();
    match report.answer {
        Answer::Yes => format!("train it again: {met} of {all} criteria are met"),
        Answer::No => format!("no need to train it again: none of {all} criteria is met"),
        Answer::TooLittleToKnow => "too little to know: no criterion is met, but not all could be looked at".to_owned(),
    }
}

/// An answer in a word or two.
pub fn answered(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::TooLittleToKnow => "too little",
    }
}

/// What a criterion asks.
pub fn asked(criterion: Criterion) -> &'static str {
    match criterion {
        Criterion::Metric => "the metric fell",
        Criterion::Drift => "the data drifted",
        Criterion::ModelAge => "the model is old",
        Criterion::FresherData => "there is fresher data",
        Criterion::ModifiedData => "its training data was modified or retracted",
    }
}

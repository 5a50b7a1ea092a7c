//! Runs as a body brings them: one, or an array of which each is read by itself.

use mltrace_core::RunReport;
use serde_json::value::RawValue;

use crate::body::{expect_room, parse};
use crate::problem::{Fault, Problem};

/// The runs of a body that can be read, and which of its elements they were.
pub(crate) struct Reports {
    is_array: bool,
    pub(crate) runs: Vec<RunReport>,
    pub(crate) indexes: Vec<usize>,
    /// What is wrong with the others.
    pub(crate) refused: Vec<Fault>,
}

impl Reports {
    pub(crate) fn read(text: &str, limit: usize) -> Result<Self, Problem> {
        let no_json = |error: serde_json::Error| Problem::bad_request(format!("the body is no JSON: {error}"));
        let is_array = text.trim_start().starts_with('[');
        let elements: Vec<&RawValue> = if is_array {
            serde_json::from_str(text).map_err(no_json)?
        } else {
            vec![serde_json::from_str(text).map_err(no_json)?]
        };
        expect_room(elements.len(), limit)?;
        let mut reports = Self { is_array, runs: Vec::new(), indexes: Vec::new(), refused: Vec::new() };
        for (index, element) in elements.into_iter().enumerate() {
            match parse(element.get()) {
                Ok(run) => {
                    reports.runs.push(run);
                    reports.indexes.push(index);
                }
                Err((field, detail)) => {
                    let fault = reports.fault(index, &field, detail);
                    reports.refused.push(fault);
                }
            }
        }
        Ok(reports)
    }

    /// What is wrong with a field of an element.
    pub(crate) fn fault(&self, index: usize, field: &str, detail: String) -> Fault {
        let pointer = if self.is_array { format!("/{index}{field}") } else { field.to_owned() };
        Fault { index, pointer, detail }
    }
}

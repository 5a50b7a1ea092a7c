//! What a run may hold. A run logged by hand is refused with the field's name; a traced function's run is trimmed, because
//! it must be recorded in any case.

use std::fmt::Display;
use std::sync::Arc;

use chrono::{DateTime, Datelike, Utc};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{IoPointer, RunEntry, Version, VersionKind};

/// Names of components, pointers, partitions, params, metrics, checks, labels and tags, in bytes.
pub(crate) const NAME: usize = 4 << 10;
/// Notes, messages of errors and checks, and values of params, in bytes.
pub(crate) const TEXT: usize = 64 << 10;
/// Lists and maps within each other in the value of a param. Readers of JSON give up at about twice as many.
const NESTING: usize = 64;

/// Refuses what cannot be stored.
pub(crate) fn check(entry: &RunEntry) -> Result<()> {
    check_fields(entry).map_err(|error| error.then("nothing was written"))
}

fn check_fields(entry: &RunEntry) -> Result<()> {
    name("the component's name", &entry.definition.component)?;
    for tag in &entry.definition.tags {
        name("a tag", tag)?;
    }
    for (field, text) in [("the owner", &entry.definition.owner), ("the description", &entry.definition.description)] {
        if let Some(given) = text {
            self::text(field, given)?;
        }
    }
    time("the start", entry.started_at)?;
    if let Some(ended_at) = entry.ended_at {
        time("the end", ended_at)?;
    }
    for input in &entry.inputs {
        pointer("an input", &input.pointer)?;
        time("the time at which an input was read", input.captured_at)?;
    }
    for output in &entry.outputs {
        pointer("an output", output)?;
    }
    for component in &entry.upstream {
        name("an upstream component's name", component)?;
    }
    if let Some(partition) = &entry.partition {
        name("the partition", partition)?;
    }
    for (key, value) in &entry.params {
        param(key, value)?;
    }
    for (key, value) in &entry.metrics {
        name("a metric's name", key)?;
        number(key, *value)?;
    }
    for check in &entry.checks {
        name("a check's name", &check.name)?;
        if let Some(message) = &check.message {
            text(format_args!("the message of the check `{}`", check.name), message)?;
        }
    }
    for label in &entry.labels {
        name("a label", label)?;
    }
    for note in &entry.notes {
        text("a note", &note.text)?;
        time("the time of a note", note.written_at)?;
    }
    if let Some(error) = &entry.error {
        text("the error", error)?;
    }
    Ok(())
}

/// Cuts and drops what [`check`] would refuse, and says so in an event.
pub(crate) fn trim(entry: &mut RunEntry) {
    let definition = Arc::clone(&entry.definition);
    let fits = |what: &str, checked: Result<()>| {
        let tell = |error| tracing::warn!(component = %definition.component, %error, "{what} is not recorded");
        checked.map_err(tell).is_ok()
    };
    let pointers = entry.inputs.iter_mut().map(|input| &mut input.pointer).chain(&mut entry.outputs);
    for pointer in pointers {
        pointer.version = pointer.version.take().filter(|given| fits("a version", version("the version", given)));
    }
    entry.inputs.retain(|input| fits("an input", pointer("an input", &input.pointer)));
    entry.outputs.retain(|output| fits("an output", pointer("an output", output)));
    entry.partition =
        entry.partition.take().filter(|partition| fits("the partition", name("the partition", partition)));
    entry
        .metrics
        .retain(|key, value| fits("a metric", name("a metric's name", key)) && fits("a metric", number(key, *value)));
    entry.params.retain(|key, value| fits("a param", param(key, value)));
    // What a check found is worth more than the end of its name.
    for check in &mut entry.checks {
        shorten(&mut check.name, NAME);
    }
    entry.checks.retain(|check| fits("a check", name("a check's name", &check.name)));
    entry.labels.retain(|label| fits("a label", name("a label", label)));
    let messages = entry.checks.iter_mut().filter_map(|check| check.message.as_mut());
    for text in entry.notes.iter_mut().map(|note| &mut note.text).chain(messages).chain(&mut entry.error) {
        shorten(text, TEXT);
    }
}

fn shorten(text: &mut String, limit: usize) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
    if text.len() > limit {
        const MARK: &str = " [cut]";
        let end = (0..=limit - MARK.len()).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
        text.truncate(end);
        text.push_str(MARK);
    }
}

fn pointer(what: &str, pointer: &IoPointer) -> Result<()> {
    if let Some(spelled) = &pointer.spelled {
        text(format_args!("{what}'s spelling"), spelled)?;
    }
    version_of(what, &pointer.name, pointer.version.as_ref())
}

/// Refuses a pointer's name, or its version, that cannot be stored.
pub(crate) fn version_of(what: &str, pointer: &str, version: Option<&Version>) -> Result<()> {
    name(format_args!("{what}'s name"), pointer)?;
    version.map_or(Ok(()), |given| self::version(format_args!("{what}'s version"), given))
}

fn version(field: impl Display + Copy, version: &Version) -> Result<()> {
    name(field, &version.value)?;
    let is_digits = version.value.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if version.kind == VersionKind::Stated || is_digits && version.value.len().is_multiple_of(2) {
        return Ok(());
    }
    let Version { kind, value } = version;
    Err(invalid(&format!(
        "{field} `{value}` is no {kind}: that is pairs of the digits 0 to 9 and a to f; state others with `at_version`"
    )))
}

fn param(key: &str, value: &Value) -> Result<()> {
    name("a param's name", key)?;
    if !nests_within(NESTING, value) {
        return Err(invalid(&format!("the param `{key}` nests lists or maps more than {NESTING} deep")));
    }
    text(format_args!("the param `{key}`"), &value.to_string())
}

fn nests_within(levels: usize, value: &Value) -> bool {
    let fits = |inner: &Value| levels > 0 && nests_within(levels - 1, inner);
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(fits),
        Value::Object(fields) => levels > 0 && fields.values().all(fits),
        _ => true,
    }
}

/// Refuses a time that RFC 3339 cannot write.
pub(crate) fn time(field: impl Display + Copy, time: DateTime<Utc>) -> Result<()> {
    if (0..=9999).contains(&time.year()) {
        return Ok(());
    }
    Err(invalid(&format!("{field} lies in the year {}, not in one from 0 to 9999", time.year())))
}

fn number(key: &str, value: f64) -> Result<()> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(invalid(&format!("the metric `{key}` is {value}, not a finite number")))
    }
}

/// Refuses a name that is empty, too long, or holds a NUL byte.
pub(crate) fn name(field: impl Display + Copy, value: &str) -> Result<()> {
    if value.is_empty() {
        return Err(invalid(&format!("{field} is empty")));
    }
    bounded(field, value, NAME)
}

/// Refuses a text that is too long or holds a NUL byte.
pub(crate) fn text(field: impl Display + Copy, value: &str) -> Result<()> {
    bounded(field, value, TEXT)
}

/// Refuses a text that holds a NUL byte.
pub(crate) fn no_nul(field: impl Display + Copy, value: &str) -> Result<()> {
    if value.contains('\0') { Err(invalid(&format!("{field} holds a NUL byte"))) } else { Ok(()) }
}

fn bounded(field: impl Display + Copy, value: &str, limit: usize) -> Result<()> {
    no_nul(field, value)?;
    if value.len() > limit {
        return Err(invalid(&format!("{field} has {} bytes; at most {limit} are kept", value.len())));
    }
    Ok(())
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use crate::testing::run;
    use crate::tracer::Tracer;
    use crate::{ComponentRun, ErrorKind};

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
    }

    #[test]
    fn a_param_is_refused_or_dropped_where_it_could_be_stored_but_not_read_back() {
        let logged = |levels| {
            let tracer = Tracer::in_memory().unwrap();
            let mut run = ComponentRun::new("train");
            run.start().param("deep", nested(levels)).unwrap().end();
            let run = tracer.log_component_run(run)?;
            let mut lines = Vec::new();
            tracer.export(&mut lines)?;
            Tracer::in_memory()?.import(&mut lines.as_slice())?;
            tracer.run(run)
        };
        assert_eq!(logged(NESTING).unwrap().params["deep"], nested(NESTING));
        assert_eq!(logged(2 * NESTING).unwrap_err().kind(), ErrorKind::Invalid);
        let mut traced = run("train", 0, 1);
        traced.params.insert("deep".to_owned(), nested(2 * NESTING));
        trim(&mut traced);
        assert!(traced.params.is_empty());
    }
}

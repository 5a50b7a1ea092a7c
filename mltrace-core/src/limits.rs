//! What a run may hold. A run logged by hand is refused with the field's name; a traced function's run is trimmed, because
//! it must be recorded in any case.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::sync::Arc;

use chrono::{DateTime, Datelike, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{IoPointer, ProfileEntry, RunEntry, Version, VersionKind};

/// Names of components, pointers, partitions, params, metrics, checks, labels and tags, in bytes.
pub(crate) const NAME: usize = 4 << 10;
/// Notes, messages of errors and checks, and values of params, in bytes.
pub(crate) const TEXT: usize = 64 << 10;
/// The source of a function, in bytes.
pub(crate) const SNAPSHOT: usize = 256 << 10;
/// Inputs of a run, and outputs of it.
pub(crate) const POINTERS: usize = 250_000;
/// Profiles of a run, in bytes.
const PROFILES: usize = 64 << 20;
/// Params of a run, and metrics, checks, labels, notes, tags and upstream components of it.
const FACTS: usize = 10_000;
/// Lists and maps within each other in the value of a param. Readers of JSON give up at about twice as many.
const NESTING: usize = 64;

/// Refuses what cannot be stored.
pub(crate) fn check(entry: &RunEntry) -> Result<()> {
    check_fields(entry).map_err(|error| error.then("nothing was written"))
}

fn check_fields(entry: &RunEntry) -> Result<()> {
    let definition = &entry.definition;
    counts(entry)?;
    at("component", name("the component's name", &definition.component))?;
    each("tags", &definition.tags, |tag| name("a tag", tag))?;
    for (field, what, text) in
        [("owner", "the owner", &definition.owner), ("description", "the description", &definition.description)]
    {
        at(field, text.as_ref().map_or(Ok(()), |given| self::text(what, given)))?;
    }
    at("started_at", time("the start", entry.started_at))?;
    at("ended_at", entry.ended_at.map_or(Ok(()), |ended_at| time("the end", ended_at)))?;
    each("inputs", &entry.inputs, |input| {
        pointer("an input", &input.pointer)?;
        time("the time at which an input was read", input.captured_at)
    })?;
    each("outputs", &entry.outputs, |output| pointer("an output", output))?;
    each("upstream", &entry.upstream, |component| name("an upstream component's name", component))?;
    at("partition", entry.partition.as_ref().map_or(Ok(()), |partition| name("the partition", partition)))?;
    for (key, value) in &entry.params {
        under("params", key, param(key, value))?;
    }
    for (key, value) in &entry.metrics {
        under("metrics", key, name("a metric's name", key).and_then(|()| number(key, *value)))?;
    }
    each("checks", &entry.checks, |check| {
        name("a check's name", &check.name)?;
        let what = format_args!("the message of the check `{}`", check.name);
        check.message.as_ref().map_or(Ok(()), |message| text(what, message))
    })?;
    each("labels", &entry.labels, |label| name("a label", label))?;
    profiles(&entry.profiles)?;
    each("notes", &entry.notes, |note| {
        text("a note", &note.text)?;
        time("the time of a note", note.written_at)
    })?;
    at("error", entry.error.as_ref().map_or(Ok(()), |error| text("the error", error)))
}

/// Says which field of a run is to blame.
fn at(field: &str, checked: Result<()>) -> Result<()> {
    checked.map_err(|error| error.of_field(format_args!("/{field}")))
}

/// Says which entry of a map, whose key a JSON pointer writes with these two signs escaped.
fn under(field: &str, key: &str, checked: Result<()>) -> Result<()> {
    let place = || format!("/{field}/{}", key.replace('~', "~0").replace('/', "~1"));
    checked.map_err(|error| error.of_field(place()))
}

/// Says which item of a list.
fn each<T>(field: &str, items: &[T], check: impl Fn(&T) -> Result<()>) -> Result<()> {
    let place = |index| format!("/{field}/{index}");
    items.iter().enumerate().try_for_each(|(index, item)| check(item).map_err(|error| error.of_field(place(index))))
}

fn counts(entry: &RunEntry) -> Result<()> {
    let facts = [
        ("inputs", entry.inputs.len(), POINTERS),
        ("outputs", entry.outputs.len(), POINTERS),
        ("params", entry.params.len(), FACTS),
        ("metrics", entry.metrics.len(), FACTS),
        ("checks", entry.checks.len(), FACTS),
        ("labels", entry.labels.len(), FACTS),
        ("notes", entry.notes.len(), FACTS),
        ("tags", entry.definition.tags.len(), FACTS),
    ];
    facts.into_iter().try_for_each(|(what, found, limit)| at(what, count(what, found, limit)))?;
    at("upstream", count("upstream components", entry.upstream.len(), FACTS))
}

fn profiles(profiles: &[ProfileEntry]) -> Result<()> {
    profiles.iter().try_for_each(|profile| name("a profile's name", &profile.name))?;
    let bytes: usize = profiles.iter().map(|profile| profile.bytes.len()).sum();
    if bytes <= PROFILES {
        return Ok(());
    }
    let message =
        format!("the run's profiles have {bytes} bytes, and {PROFILES} are kept of one run: profile fewer columns");
    Err(invalid(&message))
}

fn count(what: &str, found: usize, limit: usize) -> Result<()> {
    if found <= limit {
        return Ok(());
    }
    Err(invalid(&format!("the run has more {what} than the {limit} that are kept of one run: log it as several")))
}

/// Cuts and drops what [`check`] would refuse, says so in an event, and gives what was dropped and why.
pub(crate) fn trim(entry: &mut RunEntry) -> Vec<String> {
    let mut dropped = Vec::new();
    if check_fields(entry).is_ok() {
        return dropped;
    }
    let definition = Arc::clone(&entry.definition);
    let mut fits = |what: &str, checked: Result<()>| {
        let Err(error) = checked else { return true };
        tracing::warn!(component = %definition.component, %error, "{what} is not recorded");
        dropped.push(error.to_string());
        false
    };
    cut(&mut entry.inputs, "inputs", POINTERS, &mut fits);
    cut(&mut entry.outputs, "outputs", POINTERS, &mut fits);
    cut(&mut entry.checks, "checks", FACTS, &mut fits);
    cut(&mut entry.labels, "labels", FACTS, &mut fits);
    cut(&mut entry.notes, "notes", FACTS, &mut fits);
    cut_map(&mut entry.params, "params", &mut fits);
    cut_map(&mut entry.metrics, "metrics", &mut fits);
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
    if !fits("a profile", profiles(&entry.profiles)) {
        entry.profiles.clear();
    }
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
    dropped
}

fn cut<T>(list: &mut Vec<T>, what: &str, limit: usize, fits: &mut impl FnMut(&str, Result<()>) -> bool) {
    if !fits("a part", count(what, list.len(), limit)) {
        list.truncate(limit);
    }
}

fn cut_map<T>(map: &mut BTreeMap<String, T>, what: &str, fits: &mut impl FnMut(&str, Result<()>) -> bool) {
    if !fits("a part", count(what, map.len(), FACTS)) {
        while map.len() > FACTS {
            map.pop_last();
        }
    }
}

/// Cuts a text, and says so at its end.
pub(crate) fn shorten(text: &mut String, limit: usize) {
    const MARK: &str = " [cut]";
    let cut = |text: &mut String, limit: usize| {
        let end = (0..=limit).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
        text.truncate(end);
    };
    let mut is_long = text.len() > limit;
    if is_long {
        // First, so that a gigabyte is not looked through, nor kept.
        cut(text, limit);
        text.shrink_to_fit();
    }
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
        is_long |= text.len() > limit;
    }
    if is_long {
        if text.len() > limit - MARK.len() {
            cut(text, limit - MARK.len());
        }
        text.push_str(MARK);
    }
}

/// The value of a param as JSON. One that is too long is given up before it takes as much memory.
pub(crate) fn to_json<V: Serialize + ?Sized>(key: &str, value: &V) -> Result<Value> {
    let mut room = Room { left: TEXT };
    if let Err(source) = serde_json::to_writer(&mut room, value) {
        return Err(if source.is_io() {
            invalid(&format!("the param `{key}` has more bytes than the {TEXT} that are kept of one, written as JSON"))
        } else {
            not_json(key, source)
        });
    }
    serde_json::to_value(value).map_err(|source| not_json(key, source))
}

fn not_json(key: &str, source: serde_json::Error) -> Error {
    invalid(&format!("the param `{key}` cannot be written as JSON: {source}")).with_source(source)
}

/// Takes so many bytes, keeps none, and refuses the next.
struct Room {
    left: usize,
}

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(io::ErrorKind::WriteZero)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
    // Without a way out of the loop it takes many bytes at once.
    let has_nul = value.bytes().fold(1, u8::min) == 0;
    if has_nul { Err(invalid(&format!("{field} holds a NUL byte"))) } else { Ok(()) }
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
    use crate::__private::{Ended, Meta, Run};
    use crate::testing::run;
    use crate::tracer::Tracer;
    use crate::{ComponentRun, ErrorKind, RunId};

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
    }

    fn with_deep_param(tracer: &Tracer, levels: usize) -> crate::Result<RunId> {
        let mut run = ComponentRun::new("train");
        run.start().param("deep", nested(levels)).unwrap().end();
        tracer.log_component_run(run)
    }

    #[test]
    fn a_param_is_refused_or_dropped_where_it_could_be_stored_but_not_read_back() {
        let tracer = Tracer::in_memory().unwrap();
        let deepest = with_deep_param(&tracer, NESTING).unwrap();
        assert_eq!(tracer.run(deepest).unwrap().params["deep"], nested(NESTING));
        assert_eq!(with_deep_param(&tracer, 2 * NESTING).unwrap_err().kind(), ErrorKind::Invalid);
        let mut deep = run("train", 0, 1);
        deep.params.insert("deep".to_owned(), nested(2 * NESTING));
        trim(&mut deep);
        assert!(deep.params.is_empty());
    }

    #[test]
    #[cfg(feature = "care")]
    fn the_deepest_param_goes_from_one_store_to_another() {
        let (source, copy) = (Tracer::in_memory().unwrap(), Tracer::in_memory().unwrap());
        let run = with_deep_param(&source, NESTING).unwrap();
        let mut lines = Vec::new();
        source.export(&mut lines).unwrap();
        copy.import(&mut lines.as_slice()).unwrap();
        assert_eq!(copy.run(run).unwrap().params["deep"], nested(NESTING));
    }

    #[test]
    fn the_source_of_a_function_is_cut_where_it_is_too_long() {
        let tracer = Tracer::in_memory().unwrap();
        let _guard = crate::scoped(&tracer);
        let meta = Meta {
            name: "train",
            owner: None,
            description: None,
            tags: &[],
            stale_after_secs: None,
            buffered: false,
            file: file!(),
            line: line!(),
            source: Box::leak("x".repeat(2 * SNAPSHOT).into_boxed_str()),
            tokens: "",
            manifest_dir: None,
            crate_version: "0",
            commit: None,
            in_unit_test: true,
        };
        Run::start(Box::leak(Box::new(meta))).finish(|| Ended::Completed);
        let source = tracer.recent(1).unwrap().items.remove(0).code.snapshot.unwrap();
        assert!(source.len() == SNAPSHOT && source.ends_with(" [cut]"));
    }
}

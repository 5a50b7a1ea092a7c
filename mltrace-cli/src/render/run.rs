//! Everything about one run.

use mltrace_core::{CommitSource, Dependency, InputRecord, IoPointer, RunRecord, Stale};

use super::checks;
use super::labels::violations;
use super::stale::reasons;
use super::table::{Cell, Column, Fit, table};
use super::text::{
    BAD, DIM, NEWS, SOURCE, STRONG, commit, first_few, lines, marks, one_line, paint, param, run_name, style_of,
    version,
};
use super::time::{age, duration, local};
use crate::session::Screen;

/// Of a long list so many are shown.
const SHOWN: usize = 10;
const INDENT: &str = "  ";

/// The run's number, component and partition.
pub(crate) fn name_of(run: &RunRecord) -> String {
    run_name(run.id, &run.component) + &partition(run.partition.as_deref())
}

/// ` [2020-05]`, as it stands behind a component.
pub(super) fn partition(partition: Option<&str>) -> String {
    partition.map(|partition| format!(" [{}]", one_line(partition))).unwrap_or_default()
}

/// A run, whose parent is given if it is in the store.
pub(crate) fn run(run: &RunRecord, parent: Option<&RunRecord>, screen: Screen) -> String {
    let sections = [
        head(run, parent, screen),
        section(&checks::title(run), checks::results(run)),
        section("metrics", run.metrics.iter().map(|(name, value)| format!("{} = {value}", one_line(name)))),
        section("params", run.params.iter().map(|(name, value)| format!("{} = {}", one_line(name), param(value)))),
        inputs(run, screen),
        outputs(run, screen),
        section("declared upstream", declared(run)),
        stale(run, screen),
        section("labels", run.labels.iter().flatten().map(|label| one_line(label))),
        section("notes", notes(run)),
        section("code", run.code.snapshot.iter().flat_map(|text| lines(text))),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A title and what stands under it; nothing where there is nothing.
fn section(title: &str, lines: impl IntoIterator<Item = String>) -> String {
    let body: String = lines.into_iter().map(|line| format!("{INDENT}{line}").trim_end().to_owned() + "\n").collect();
    if body.is_empty() { body } else { format!("{}\n{body}", paint(STRONG, title)) }
}

fn head(run: &RunRecord, parent: Option<&RunRecord>, screen: Screen) -> String {
    let name = paint(STRONG, name_of(run));
    let status = paint(style_of(run.status), run.status);
    let error = run.error.iter().flat_map(|error| lines(error)).map(|line| format!("{INDENT}{}\n", paint(BAD, line)));
    let error: String = error.collect();
    let violations = violations(run.violations.as_deref().unwrap_or_default());
    let facts: String = [
        ("started", Some(format!("{}  {}", local(run.started_at), paint(DIM, age(run.started_at, screen.now))))),
        ("ended", run.ended_at.map(|time| format!("{}{}", local(time), took(run)))),
        ("commit", git(run)),
        ("code", code(run)),
        ("process", process(run)),
        ("parent", run.parent.map(|uuid| parent.map_or_else(|| format!("run {uuid}, not in this store"), name_of))),
        ("uuid", Some(run.uuid.to_string())),
        ("trimmed", run.collected_at.map(|time| format!("{}  gc left only its place in the lineage", local(time)))),
    ]
    .into_iter()
    .filter_map(|(title, fact)| Some(format!("{INDENT}{}  {}\n", paint(DIM, format!("{title:7}")), fact?)))
    .collect();
    format!("{name}  {status}\n{violations}{error}{facts}")
}

fn took(run: &RunRecord) -> String {
    run.duration_ms.map(|milliseconds| format!("  took {}", duration(milliseconds))).unwrap_or_default()
}

fn git(run: &RunRecord) -> Option<String> {
    let git = &run.git;
    let commit = commit(git)?;
    let dirty = if git.dirty == Some(true) { " (dirty: tracked files differed)" } else { "" };
    let tags = if git.tags.is_empty() { String::new() } else { format!(", tagged {}", one_line(&git.tags.join(", "))) };
    let source = match git.source {
        Some(CommitSource::Build) => ", stated by the build",
        Some(CommitSource::Cwd) => ", checked out where it ran",
        _ => "",
    };
    Some(format!("{commit}{dirty}{tags}{source}"))
}

fn code(run: &RunRecord) -> Option<String> {
    let file = one_line(run.code.file.as_ref()?);
    let line = run.code.line.map(|line| format!(":{line}")).unwrap_or_default();
    let version = run.code.crate_version.as_ref().map(|version| format!(", crate version {}", one_line(version)));
    Some(format!("{file}{line}{}", version.unwrap_or_default()))
}

fn process(run: &RunRecord) -> Option<String> {
    let host = one_line(run.host.as_ref()?);
    let pid = run.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    Some(format!("{host}{pid}"))
}

fn inputs(run: &RunRecord, screen: Screen) -> String {
    let remarks = |input: &InputRecord| origin(run, input).into_iter().chain(labels(&input.pointer)).collect();
    pointers("inputs", run.inputs.iter().map(|input| (&input.pointer, remarks(input))), screen)
}

fn outputs(run: &RunRecord, screen: Screen) -> String {
    let flag = |output: &IoPointer| output.flagged.then(|| "flagged".to_owned());
    let remarks = |output: &IoPointer| flag(output).into_iter().chain(labels(output)).collect();
    pointers("outputs", run.outputs.iter().map(|output| (output, remarks(output))), screen)
}

fn labels(pointer: &IoPointer) -> Option<String> {
    const SHOWN: usize = 5;
    let labels: Vec<_> = pointer.labels.iter().flatten().map(String::as_str).collect();
    (!labels.is_empty()).then(|| format!("labels {}", first_few(&labels, SHOWN)))
}

/// A list of pointers, each with what is known of it below.
fn pointers<'a>(
    title: &str,
    pointers: impl ExactSizeIterator<Item = (&'a IoPointer, Vec<String>)>,
    screen: Screen,
) -> String {
    let total = pointers.len();
    if total == 0 {
        return section(title, [paint(DIM, "none")]);
    }
    let shown: Vec<_> = pointers.take(SHOWN).collect();
    let rows: Vec<_> = shown.iter().map(|(pointer, _)| pointer_cells(pointer)).collect();
    let columns = [Fit::CutStart, Fit::Left, Fit::Left, Fit::CutEnd].map(|fit| Column { title: "", fit });
    let table = table(columns, &rows, screen.width.saturating_sub(INDENT.len()));
    let with_remarks = table.lines().zip(&shown).flat_map(|(line, (_, remarks))| {
        let remarks = remarks.iter().map(|remark| format!("{INDENT}{remark}"));
        [line.to_owned()].into_iter().chain(remarks)
    });
    let rest = (total > SHOWN).then(|| paint(DIM, format!("... and {} more, see --json", total - SHOWN)));
    section(&format!("{title} ({total})"), with_remarks.chain(rest))
}

fn pointer_cells(pointer: &IoPointer) -> [Cell; 4] {
    let spelled = pointer.spelled.as_ref().map(|spelled| {
        let of_artifact = spelled.strip_prefix(&pointer.name).and_then(|rest| rest.strip_prefix('/'));
        of_artifact.map_or_else(|| format!("spelled {}", one_line(spelled)), one_line)
    });
    [
        Cell::new(one_line(&pointer.name)),
        Cell::styled(DIM, pointer.pointer_type.to_string()),
        Cell::styled(DIM, version(pointer.version.as_ref())),
        Cell::styled(DIM, spelled.unwrap_or_default()),
    ]
}

/// Which runs wrote an input, and what is worth knowing about that.
fn origin(run: &RunRecord, input: &InputRecord) -> Vec<String> {
    let name = Some(&input.pointer.name);
    let writers: Vec<_> = run.dependencies.iter().filter(|dependency| dependency.pointer.as_ref() == name).collect();
    if writers.is_empty() {
        let origin = if input.read_back { "written by this run itself" } else { SOURCE };
        return vec![paint(DIM, origin)];
    }
    let written_by = |dependency: &&Dependency| {
        let by = format!("written by {}", run_name(dependency.run, &dependency.component));
        [by].into_iter().chain(marks(dependency).map(|mark| paint(NEWS, mark))).collect::<Vec<_>>()
    };
    writers.iter().flat_map(written_by).collect()
}

/// Why it is stale now, and why it was when it started; told once where that is the same.
fn stale(run: &RunRecord, screen: Screen) -> String {
    let (now, at_start) = (run.stale.as_deref().unwrap_or_default(), run.stale_at_start.as_deref().unwrap_or_default());
    let what = |stale: &[Stale]| stale.iter().map(|reason| (reason.kind, reason.run)).collect::<Vec<_>>();
    let is_same = what(now) == what(at_start);
    let titled = |title, stale| section(title, reasons(stale, screen.width.saturating_sub(INDENT.len())));
    match (now.is_empty(), at_start.is_empty()) {
        (false, false) if is_same => titled("stale now, and when it started", now),
        (false, true) => titled("stale now, fresh when it started", now),
        (true, false) => titled("stale when it started, fresh now", at_start),
        (false, false) => format!("{}\n{}", titled("stale now", now), titled("stale when it started", at_start)),
        (true, true) => String::new(),
    }
}

fn declared(run: &RunRecord) -> impl Iterator<Item = String> {
    let declared = run.dependencies.iter().filter(|dependency| dependency.pointer.is_none());
    declared.map(|dependency| run_name(dependency.run, &dependency.component))
}

fn notes(run: &RunRecord) -> impl Iterator<Item = String> {
    run.notes.iter().flat_map(|note| {
        let mut text = lines(&note.text);
        let first = format!("{}  {}", paint(DIM, local(note.written_at)), text.next().unwrap_or_default());
        let rest = text.map(|line| format!("{:21}{line}", "")).collect::<Vec<_>>();
        [first].into_iter().chain(rest)
    })
}

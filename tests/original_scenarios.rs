//! What the first mltrace, a Python library, expected of a lineage, where this one keeps it: each of its scenarios, told anew.

use chrono::{DateTime, TimeDelta, Utc};
use mltrace::{ComponentRun, ErrorKind, Graph, ReviewOrder, RunId, StaleKind, Tracer};

/// A store to which runs are logged one after the other: each takes a minute, and the next starts a minute later.
struct Log {
    tracer: Tracer,
    next: DateTime<Utc>,
}

impl Log {
    fn new() -> Self {
        Self { tracer: Tracer::in_memory().unwrap(), next: "2020-05-01T06:00:00Z".parse().unwrap() }
    }

    fn run(&mut self, component: &str, inputs: &[&str], outputs: &[&str]) -> RunId {
        let mut run = ComponentRun::new(component);
        run.started_at(self.next).ended_at(self.next + TimeDelta::minutes(1));
        self.next += TimeDelta::minutes(2);
        for input in inputs {
            run.add_input(*input);
        }
        for output in outputs {
            run.add_output(*output);
        }
        self.tracer.log_component_run(run).unwrap()
    }

    /// The runs behind an output as depth and id.
    fn trace(&self, output: &str) -> Vec<(u32, i64)> {
        levels(&self.tracer.trace(output).get().unwrap())
    }

    /// The runs behind what is flagged as id and number of flagged outputs, in the original's order.
    fn review(&self) -> Vec<(i64, u64)> {
        let review = self.tracer.review().by(ReviewOrder::Coverage).get().unwrap();
        review.runs.iter().map(|suspect| (suspect.run.id.0, suspect.blame.count)).collect()
    }
}

fn levels(graph: &Graph) -> Vec<(u32, i64)> {
    graph.runs.iter().map(|found| (found.depth, found.run.id.0)).collect()
}

#[test]
fn a_chain_is_traced_from_its_end_to_its_beginning() {
    let mut log = Log::new();
    for stage in 0..10 {
        log.run(&format!("stage {stage}"), &[&format!("x{stage}")], &[&format!("x{}", stage + 1)]);
    }
    let expected: Vec<(u32, i64)> = (0..10).zip((1..=10).rev()).collect();
    assert_eq!(log.trace("x10"), expected);
}

#[test]
fn of_the_same_computation_run_many_times_the_latest_is_traced() {
    let mut log = Log::new();
    let runs: Vec<RunId> = (0..10).map(|_| log.run("compute", &["in"], &["out"])).collect();
    assert_eq!(log.trace("out"), [(0, runs[9].0)]);
}

#[test]
fn a_leaf_of_a_tree_is_traced_to_the_root_and_not_to_its_siblings() {
    let mut log = Log::new();
    let root = log.run("root", &["seed"], &["left", "right"]);
    log.run("left branch", &["left"], &["leaf 1", "leaf 2"]);
    let right = log.run("right branch", &["right"], &["leaf 3", "leaf 4"]);
    assert_eq!(log.trace("leaf 4"), [(0, right.0), (1, root.0)]);
}

#[test]
fn names_in_a_cycle_make_none_of_their_runs() {
    let mut log = Log::new();
    let there = log.run("there", &["x"], &["y"]);
    let back = log.run("back", &["y"], &["x"]);
    assert_eq!(log.trace("x"), [(0, back.0), (1, there.0)]);
    assert_eq!(log.trace("y"), [(0, there.0)]);
}

#[test]
fn an_input_depends_on_the_latest_of_the_runs_that_wrote_it() {
    let mut log = Log::new();
    log.run("first", &[], &["shared"]);
    let second = log.run("second", &[], &["shared"]);
    let third = log.run("third", &["shared"], &["part 1", "part 2"]);
    let fourth = log.run("fourth", &["part 2"], &["end"]);
    assert_eq!(log.trace("end"), [(0, fourth.0), (1, third.0), (2, second.0)]);
}

#[test]
fn a_pointer_named_twice_is_recorded_once() {
    let mut log = Log::new();
    let run = log.run("twice", &["in", "in"], &["out", "out"]);
    let run = log.tracer.run(run).unwrap();
    assert_eq!((run.inputs.len(), run.outputs.len()), (1, 1));
}

#[test]
fn an_input_named_twice_and_inputs_of_several_writers_are_one_edge_each() {
    let mut log = Log::new();
    for output in ["one", "one", "two", "two"] {
        log.run("write", &["in"], &[output]);
    }
    let reader = log.run("read", &["one", "two", "one"], &[]);
    let mut upstream: Vec<i64> =
        log.tracer.run(reader).unwrap().dependencies.iter().map(|dependency| dependency.run.0).collect();
    upstream.sort_unstable();
    assert_eq!(upstream, [2, 4]);
}

#[test]
fn a_name_that_nobody_knows_is_no_trace() {
    let error = Log::new().tracer.trace("some strange name").get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_tag_given_twice_stands_once() {
    let mut log = Log::new();
    log.run("tagged", &[], &[]);
    log.tracer.tag("tagged", ["nightly", "gpu", "nightly"]).unwrap();
    assert_eq!(log.tracer.component("tagged").unwrap().tags, ["gpu", "nightly"]);
}

#[test]
fn a_reader_is_stale_when_a_newer_run_of_its_upstream_is_not_the_one_it_read() {
    let mut log = Log::new();
    let read = log.run("clean", &["raw"], &["january"]);
    let newer = log.run("clean", &["raw"], &["february"]);
    let reader = log.run("train", &["january"], &["model"]);
    let stale = log.tracer.stale_run(reader).get().unwrap();
    assert_eq!(stale.len(), 1, "{stale:?}");
    assert_eq!((stale[0].kind, stale[0].run), (StaleKind::FresherUpstream, newer));
    assert_eq!(log.tracer.stale_run(read).get().unwrap(), []);
}

#[test]
fn a_reader_is_stale_when_what_it_read_was_two_months_old() {
    let mut log = Log::new();
    let old = log.run("clean", &["raw"], &["rides"]);
    log.next += TimeDelta::days(60);
    let reader = log.run("train", &["rides"], &["model"]);
    let stale = log.tracer.stale_run(reader).get().unwrap();
    assert_eq!(stale.len(), 1, "{stale:?}");
    assert_eq!((stale[0].kind, stale[0].run), (StaleKind::OldInput, old));
    assert!(stale[0].message.contains("days"), "{}", stale[0].message);
}

#[test]
fn of_two_flagged_outputs_the_run_behind_both_goes_first_then_the_newest() {
    let mut log = Log::new();
    let shared = log.run("A", &[], &["x1", "x2"]);
    let one = log.run("B", &["x1"], &["y1"]);
    let two = log.run("B", &["x2"], &["y2"]);
    log.tracer.flag("y1").unwrap();
    log.tracer.flag("y2").unwrap();
    assert_eq!(log.review(), [(shared.0, 2), (two.0, 1), (one.0, 1)]);
}

#[test]
fn of_many_flagged_outputs_the_shared_runs_go_first_and_unflagging_forgets_them() {
    let mut log = Log::new();
    let a = log.run("A", &[], &["x1", "x2"]);
    let b = log.run("B", &["x1"], &["y"]);
    let c: Vec<RunId> = (0..4).map(|nth| log.run("C", &["x2", "y"], &[&format!("z{nth}")])).collect();
    for nth in 0..4 {
        log.tracer.flag(&format!("z{nth}")).unwrap();
    }
    let expected: Vec<(i64, u64)> =
        [(b, 4), (a, 4), (c[3], 1), (c[2], 1), (c[1], 1), (c[0], 1)].map(|(run, count)| (run.0, count)).into();
    assert_eq!(log.review(), expected);
    assert_eq!(log.tracer.unflag_all().unwrap().len(), 4);
    assert_eq!(log.review(), []);
}

//! A clock that goes backwards while runs are recorded.

use std::fs;
use std::path::Path;

use chrono::TimeDelta;

use crate::__private::{Ended, Meta, Run};
use crate::clock::set_back;
use crate::model::Status;
use crate::{ComponentRun, RunId, RunRecord, Tracer, scoped};

static META: Meta = Meta {
    name: "traced",
    owner: None,
    description: None,
    tags: &[],
    stale_after_secs: None,
    buffered: false,
    file: file!(),
    line: line!(),
    source: "",
    tokens: "",
    manifest_dir: None,
    crate_version: "0",
    commit: None,
    in_unit_test: true,
};

fn set_back_by_an_hour() {
    set_back::set(TimeDelta::hours(1));
}

fn last(tracer: &Tracer) -> RunRecord {
    tracer.recent(1).unwrap().items.remove(0)
}

#[test]
fn a_run_during_which_the_clock_is_set_back_ends_when_it_began() {
    let tracer = Tracer::in_memory().unwrap();
    let _guard = scoped(&tracer);
    let run = Run::start(&META);
    set_back_by_an_hour();
    run.finish(|| Ended::Completed);
    let recorded = last(&tracer);
    assert_eq!((recorded.status, recorded.ended_at), (Status::Completed, Some(recorded.started_at)));

    set_back::set(TimeDelta::zero());
    let mut run = ComponentRun::new("by hand");
    run.start();
    set_back_by_an_hour();
    run.end();
    let logged = tracer.run(tracer.log_component_run(run).unwrap()).unwrap();
    assert_eq!(logged.ended_at, Some(logged.started_at));
}

fn written(tracer: &Tracer, file: &Path) -> RunId {
    fs::write(file, "rides").unwrap();
    let mut run = ComponentRun::new("clean");
    run.start().add_output(file).end();
    tracer.log_component_run(run).unwrap()
}

#[test]
fn a_file_read_after_the_clock_was_set_back_leads_to_the_run_that_wrote_it_unless_that_seems_to_begin_later() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rides.csv");
    let tracer = Tracer::in_memory().unwrap();
    let _guard = scoped(&tracer);
    let clean = written(&tracer, &file);
    let run = Run::start(&META);
    set_back_by_an_hour();
    run.input(&file);
    run.finish(|| Ended::Completed);
    let [dependency] = last(&tracer).dependencies.try_into().unwrap();
    assert_eq!((dependency.run, dependency.modified, dependency.overlapping), (clean, false, true));

    let run = Run::start(&META);
    run.input(&file);
    run.finish(|| Ended::Completed);
    assert_eq!(last(&tracer).dependencies, [], "no edge rather than one against the clock");
}

#[test]
fn an_open_run_whose_process_spoke_in_the_future_is_running_as_long_as_the_process_lives() {
    let folder = tempfile::tempdir().unwrap();
    let tracer = Tracer::open(folder.path().join("store.db")).unwrap();
    let mut open = crate::testing::run("train", 0, 1).open();
    open.started_at = crate::clock::now();
    let run = tracer.put_run(open).unwrap();
    assert_eq!(tracer.run(run).unwrap().status, Status::Running);
    set_back_by_an_hour();
    assert_eq!(tracer.run(run).unwrap().status, Status::Running);
    set_back::set(-TimeDelta::hours(1));
    assert_eq!(tracer.run(run).unwrap().status, Status::Lost, "the clock was set forward: until the next heartbeat");
}

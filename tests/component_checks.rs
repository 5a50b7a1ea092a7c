//! Checks before and after a body: what they see, what becomes of their results, and when they keep the body from running.
#![cfg(not(feature = "off"))]
#![deny(warnings, clippy::all, clippy::pedantic)]

mod component_support;

use std::cell::Cell;
use std::env;
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::process::Command;

use component_support::{block_on, one_poll_later, recorded, recorded_once};
use mltrace::{CheckStatus, ErrorKind, Run, RunRecord, Status, Tracer, check, component};

/// Each check in a word: its name, and its message where it failed.
fn checks(run: &RunRecord) -> Vec<String> {
    let told = |check: &mltrace::Check| match (check.status, &check.message) {
        (CheckStatus::Passed, None) => check.name.clone(),
        (CheckStatus::Failed, message) => format!("{} failed: {}", check.name, message.as_deref().unwrap_or("-")),
        (CheckStatus::Passed, Some(message)) => panic!("`{}` passed with the message {message}", check.name),
    };
    run.checks.iter().map(told).collect()
}

#[component(
    before(!fares.is_empty(), enough = check::row_count(fares.len(), 2..), limit > 0.0),
    after(ret.len() <= fares.len(), check::in_range(ret, ..100.0))
)]
fn keep(fares: &[f64], limit: f64) -> Vec<f64> {
    fares.iter().copied().filter(|&fare| fare < limit).collect()
}

#[test]
fn results_are_recorded_in_the_order_in_which_the_checks_ran() {
    let run = recorded_once(|| assert_eq!(keep(&[7.5, 700.0], 1_000.0).len(), 2));
    assert_eq!(
        checks(&run),
        [
            "!fares.is_empty()",
            "enough",
            "limit > 0.0",
            "ret.len() <= fares.len()",
            "check::in_range(ret, ..100.0) failed: 1 of 2 values is out of range: 700 at position 1; expected less than 100",
        ]
    );
    assert_eq!(run.status, Status::Completed, "a check that fails changes nothing else");
    let run = recorded_once(|| assert!(keep(&[], 1.0).is_empty()));
    assert_eq!(checks(&run)[..2], ["!fares.is_empty() failed: -", "enough failed: 0 rows, expected at least 2"]);
}

#[component(before(true, same = true, same = false, lines = [1, 2]
    .is_sorted(), [1, 2]
        .contains(&1)))]
fn named() {}

#[test]
fn a_check_is_named_by_its_text_on_one_line_and_one_name_may_have_two_results() {
    let run = recorded_once(named);
    assert_eq!(checks(&run), ["true", "same", "same failed: -", "lines", "[1, 2] .contains(&1)"]);
}

#[component(before(rows.parse::<u8>().unwrap() > 3, after_it = true), after(rows[ret.len()..].is_empty()))]
fn panics(rows: &str) -> String {
    format!("{rows}.")
}

#[test]
fn a_check_that_panics_has_failed_with_its_message_and_the_function_goes_on() {
    let run = recorded_once(|| assert_eq!(panics("x"), "x."));
    assert_eq!(run.status, Status::Completed);
    let checks = checks(&run);
    assert!(checks[0].starts_with("rows.parse::<u8>().unwrap() > 3 failed: panicked: called `Result::unwrap()`"));
    assert_eq!(checks[1], "after_it");
    assert!(checks[2].starts_with("rows[ret.len()..].is_empty() failed: panicked: "), "{checks:?}");
    assert_eq!(run.error, None);
}

struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no words")
    }
}

#[component(before(spoken = Err(Unspeakable)), run = run)]
fn speechless() {
    run.check("by hand", Err(Unspeakable));
}

#[test]
fn a_failure_whose_words_panic_is_still_a_failure() {
    let run = recorded_once(speechless);
    assert_eq!(checks(&run), ["spoken failed: panicked: no words", "by hand failed: panicked: no words"]);
}

#[component(run = run, before(first = true), after(last = ret.is_ok()))]
fn by_hand(rows: &[u32]) -> Result<u32, String> {
    let sum = rows.iter().sum();
    run.check("sum", check::in_range([sum], 1..));
    if sum == 0 { Err("nothing".to_owned()) } else { Ok(sum) }
}

#[test]
fn a_run_is_told_results_in_the_body_and_a_failed_run_is_checked_too() {
    let run = recorded_once(|| assert_eq!(by_hand(&[1, 2]), Ok(3)));
    assert_eq!(checks(&run), ["first", "sum", "last"]);
    let run = recorded_once(|| assert!(by_hand(&[]).is_err()));
    assert_eq!(
        checks(&run)[1..],
        ["sum failed: 1 of 1 value is out of range: 0 at position 0; expected at least 1", "last failed: -"]
    );
    assert_eq!((run.status, run.error.as_deref()), (Status::Failed, Some("nothing")));
}

#[component(before(inner(1) == 1), after(inner(*ret) == 2))]
fn outer() -> u8 {
    2
}

#[component]
fn inner(number: u8) -> u8 {
    number
}

#[test]
fn what_a_check_calls_ran_inside_the_run() {
    let runs = recorded(|| assert_eq!(outer(), 2));
    let parent = runs[2].uuid;
    assert!(runs[..2].iter().all(|run| run.component == "inner" && run.parent == Some(parent)));
}

// What they see.

struct Model {
    trees: u8,
}

impl Model {
    #[component(before(self.trees > 0, only_here > 0), after(self.trees == trees(ret), self.trees > 9))]
    fn grown(&self, only_here: u8) -> Self {
        Self { trees: self.trees }
    }

    #[component(before(self.trees > 0), after(ret.is_some()))]
    fn grow(&mut self, by: u8) -> Option<&mut u8> {
        self.trees = self.trees.checked_add(by)?;
        Some(&mut self.trees)
    }

    #[component(before(self.trees > 9))]
    fn fell(self) -> u8 {
        self.trees
    }
}

fn trees(model: &Model) -> u8 {
    model.trees
}

#[test]
fn methods_are_checked_on_what_they_have() {
    let run = recorded_once(|| _ = Model { trees: 3 }.grown(1));
    assert_eq!(
        checks(&run),
        ["self.trees > 0", "only_here > 0", "self.trees == trees(ret)", "self.trees > 9 failed: -"]
    );
    let run = recorded_once(|| {
        let mut model = Model { trees: 3 };
        *model.grow(1).expect("room") += 1;
        assert_eq!(model.trees, 5);
    });
    assert_eq!(checks(&run), ["self.trees > 0", "ret.is_some()"]);
    let run = recorded_once(|| assert_eq!(Model { trees: 3 }.fell(), 3));
    assert_eq!(checks(&run), ["self.trees > 9 failed: -"]);
}

#[component(before(first > &0 && *second > 0), after(ret.clone().count() == usize::from(*first + second)))]
fn patterns((first, second): &(u8, u8), mut moved: Vec<u8>) -> impl Iterator<Item = u8> + Clone {
    moved.push(*first);
    moved.push(*second);
    moved.into_iter()
}

#[component(after(*ret == "ret" && ret.len() == 3))]
fn shadowing(ret: &str) -> &str {
    &ret[1..]
}

macro_rules! checked {
    ($name:ident, $check:expr) => {
        #[component(before($check), after(*ret == 7))]
        fn $name(rows: u8) -> u8 {
            rows
        }
    };
}

checked!(by_a_macro, 2 > 1);

#[test]
fn names_mean_what_they_say() {
    let run = recorded_once(|| assert_eq!(patterns(&(1, 2), Vec::new()).count(), 2));
    assert_eq!(checks(&run)[1], "ret.clone().count() == usize::from(*first + second) failed: -");
    let run = recorded_once(|| assert_eq!(shadowing("ret"), "et"));
    assert_eq!(
        run.checks[0].status,
        CheckStatus::Failed,
        "`ret` is what was returned, also beside a parameter of that name"
    );
    let run = recorded_once(|| assert_eq!(by_a_macro(7), 7));
    assert_eq!(checks(&run), ["2 > 1", "*ret == 7"]);
}

#[component(before(first = raw.len() > 1), after(ret.is_ok(), raw.len() == 2), run = run)]
async fn serve(raw: &str, times: usize) -> Result<String, String> {
    one_poll_later().await;
    run.check("awaited", times > 0);
    one_poll_later().await;
    Ok(raw.repeat(times))
}

#[component(blocking, before(raw.len() > 1), after(ret.is_ok()))]
fn boxed<'a>(raw: &'a str) -> Pin<Box<dyn Future<Output = Fallible<usize>> + Send + 'a>> {
    Box::pin(async move {
        one_poll_later().await;
        if raw.is_empty() { Err("empty".into()) } else { Ok(raw.len()) }
    })
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn async_functions_are_checked_when_they_are_polled() {
    let run = recorded_once(|| assert_eq!(block_on(assert_send(serve("ab", 2))).as_deref(), Ok("abab")));
    assert_eq!(checks(&run), ["first", "awaited", "ret.is_ok()", "raw.len() == 2"]);
    let run = recorded_once(|| assert_eq!(block_on(boxed("ab")).expect("a length"), 2));
    assert_eq!(checks(&run), ["raw.len() > 1", "ret.is_ok()"]);
    let run = recorded_once(|| drop(block_on(boxed("")).expect_err("blocked")));
    assert_eq!(checks(&run), ["raw.len() > 1 failed: -"]);
    assert!(recorded(|| drop(serve("", 1))).is_empty(), "a future that is never polled has not run");
}

#[component(before(ready))]
fn diverges(ready: bool) -> ! {
    panic!("{}", if ready { "ready" } else { "not ready" })
}

#[test]
fn a_function_that_never_returns_is_checked_before() {
    let run = recorded_once(|| assert!(std::panic::catch_unwind(|| diverges(false)).is_err()));
    assert_eq!(checks(&run), ["ready failed: -"]);
    assert_eq!((run.status, run.error.as_deref()), (Status::Panicked, Some("not ready")));
}

// Asking the history.

/// Whether a mean lies within 20 % of that of the last ten runs.
fn is_usual(run: &Run, fares: &[f64]) -> Result<(), String> {
    let last: Vec<f64> = run.history(10).iter().filter_map(|run| run.metrics.get("mean").copied()).collect();
    let (mean, usual) = (mean(fares), mean(&last));
    let is_far = !last.is_empty() && (mean - usual).abs() > 0.2 * usual;
    if is_far { Err(format!("{mean}, usually {usual} in {} runs", last.len())) } else { Ok(()) }
}

#[allow(clippy::cast_precision_loss, reason = "short lists")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[component(before(usual = is_usual(run, fares)), run = run)]
fn summarise(fares: &[f64]) -> Result<f64, String> {
    let mean = mean(fares);
    run.metric("mean", mean);
    if mean < 0.0 { Err("refunds".to_owned()) } else { Ok(mean) }
}

#[test]
fn a_check_compares_with_the_last_ten_completed_runs() {
    let tracer = Tracer::in_memory().expect("a store in memory");
    let _guard = mltrace::scoped(&tracer);
    summarise(&[900.0]).expect("an old one that no longer counts");
    for fare in 0..10 {
        summarise(&[95.0 + f64::from(fare)]).expect("a mean");
    }
    summarise(&[-900.0]).expect_err("a failed run is no measure");
    summarise(&[130.0]).expect("a mean");
    let result = tracer.checks("summarise").name("usual").limit(1).get().expect("the last result").items.remove(0);
    assert_eq!(result.check.message.as_deref(), Some("130, usually 99.5 in 10 runs"));
    assert_eq!(tracer.history("summarise").get().expect("its runs").items[0].id, result.run);
}

#[component(run = run)]
fn ages() -> Vec<i64> {
    run.history(3).iter().map(|run| run.id.0).collect()
}

#[test]
fn the_history_is_the_newest_first_without_the_run_itself() {
    let mut seen = Vec::new();
    recorded(|| seen.extend((0..5).map(|_| ages())));
    assert_eq!(seen, [vec![], vec![1], vec![2, 1], vec![3, 2, 1], vec![4, 3, 2]]);
}

// Labels.

#[component(labels(customer, "eu", each, last), inputs(raw), run = run)]
fn labelled(raw: &str, customer: u32, customers: &[&str]) -> usize {
    let last = "first";
    for each in customers {
        assert!(!each.is_empty());
    }
    let last = format!("{last}-{raw}");
    run.label(&last.len());
    run.label("eu");
    last.len()
}

#[component(labels(raw), inputs("table"), run = run)]
fn unlabelled(raw: &str) {
    run.label(raw);
}

/// The labels that some code leaves in a store.
fn labels(code: impl FnOnce()) -> Vec<String> {
    let tracer = Tracer::in_memory().expect("a store in memory");
    let _guard = mltrace::scoped(&tracer);
    code();
    let mut names: Vec<_> = tracer.labels().expect("the labels").into_iter().map(|label| label.name).collect();
    names.sort();
    names
}

#[test]
fn labels_are_texts_parameters_and_bindings() {
    let found = labels(|| assert_eq!(labelled("may", 7, &["a", "b"]), 9));
    assert_eq!(found, ["7", "9", "a", "b", "eu", "first-may"], "a later binding replaces the earlier one");
}

#[test]
fn a_label_that_cannot_be_stored_is_left_out() {
    assert_eq!(labels(|| unlabelled("")), [""; 0]);
    assert_eq!(labels(|| unlabelled(&"x".repeat(5_000))), [""; 0]);
    assert_eq!(labels(|| unlabelled("ok")), ["ok"]);
}

// Blocking.

thread_local! {
    static RAN: Cell<u32> = const { Cell::new(0) };
}

fn ran() -> u32 {
    RAN.replace(0)
}

#[derive(Debug)]
struct Opaque;

impl From<mltrace::Error> for Opaque {
    fn from(_: mltrace::Error) -> Self {
        Self
    }
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something went wrong")
    }
}

#[component(blocking, before(!rows.is_empty(), few = check::row_count(rows.len(), ..9)), after(ret.is_ok()), outputs(return))]
fn train(rows: Vec<u8>) -> Result<String, mltrace::Error> {
    RAN.set(RAN.get() + 1);
    Ok(format!("{} rows", rows.len()))
}

#[component(blocking, before(*ready))]
fn opaque(ready: &bool) -> Result<impl Iterator<Item = bool>, Opaque> {
    RAN.set(RAN.get() + 1);
    Ok(std::iter::once(*ready))
}

type Fallible<T> = Result<T, Box<dyn Error>>;

#[component(blocking, before(ready, !late))]
async fn later(ready: bool, late: bool) -> Fallible<()> {
    one_poll_later().await;
    RAN.set(RAN.get() + 1);
    if ready { Ok(()) } else { Err("not ready".into()) }
}

#[test]
fn a_failing_check_keeps_the_body_from_running() {
    let run = recorded_once(|| {
        let error = train(Vec::new()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::CheckFailed);
        assert_eq!(error.to_string(), "`train` did not run: the check `!rows.is_empty()` failed");
    });
    assert_eq!(ran(), 0);
    assert_eq!(checks(&run), ["!rows.is_empty() failed: -", "few"], "all before are made, none after");
    assert_eq!(run.status, Status::Failed);
    assert_eq!(run.error.as_deref(), Some("`train` did not run: the check `!rows.is_empty()` failed"));
    assert!(run.outputs.is_empty());

    let run = recorded_once(|| assert_eq!(train(vec![1]).expect("trained"), "1 rows"));
    assert_eq!((ran(), run.status), (1, Status::Completed));
    assert_eq!(checks(&run), ["!rows.is_empty()", "few", "ret.is_ok()"]);
}

#[test]
fn the_run_names_the_check_whatever_the_error_says() {
    let run = recorded_once(|| assert!(opaque(&false).is_err()));
    assert_eq!(run.error.as_deref(), Some("`opaque` did not run: the check `*ready` failed"));
    assert_eq!(ran(), 0);
    recorded_once(|| assert_eq!(opaque(&true).expect("ready").count(), 1));
    assert_eq!(ran(), 1);
}

#[test]
fn several_failures_are_told_together_and_async_bodies_wait_too() {
    let run = recorded_once(|| {
        let error = block_on(later(false, true)).expect_err("refused");
        assert!(error.is::<mltrace::Error>());
    });
    assert_eq!(run.error.as_deref(), Some("`later` did not run: 2 checks failed: `ready` failed; `!late` failed"));
    assert_eq!(ran(), 0);
    recorded_once(|| block_on(later(true, false)).expect("done"));
    assert_eq!(ran(), 1);
}

#[test]
fn with_tracing_disabled_nothing_is_checked_and_nothing_blocks() {
    const NAME: &str = "with_tracing_disabled_nothing_is_checked_and_nothing_blocks";
    if env::var_os("MLTRACE_DISABLED").is_some() {
        assert_eq!(train(Vec::new()).expect("not blocked"), "0 rows");
        assert!(
            features(Path::new("relative")).is_err_and(|error| error.kind() == ErrorKind::Invalid),
            "the body's own"
        );
        assert_eq!(ran(), 2, "a check was made");
        return;
    }
    let mut child = Command::new(env::current_exe().expect("this program"));
    let output = child.args([NAME, "--exact"]).env("MLTRACE_DISABLED", "1").output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

// Retracted labels.

#[component(deny_retracted, blocking, inputs(raw, "rides"), before(seen(raw)), labels("taxi"))]
fn features(raw: &Path) -> Result<(), mltrace::Error> {
    RAN.set(RAN.get() + 1);
    if raw.is_absolute() {
        return Ok(());
    }
    Err(Tracer::in_memory()?.add_note(mltrace::RunId(1), "").expect_err("an empty note"))
}

fn seen(raw: &Path) -> bool {
    RAN.set(RAN.get() + 10);
    raw.is_absolute()
}

#[component(inputs("rides"), outputs(return))]
fn clean(file: &Path) -> &Path {
    file
}

#[component(deny_retracted, inputs(file, late), outputs("model"))]
async fn bound_late(file: &Path) -> Result<String, Box<dyn Error>> {
    let late = "rides";
    one_poll_later().await;
    Ok(late.repeat(file.components().count().min(1)))
}

#[test]
fn without_retracted_labels_nothing_is_denied() {
    let run = recorded_once(|| features(Path::new("/raw/2020-01.csv")).expect("not denied"));
    assert_eq!((ran(), run.status), (11, Status::Completed));
}

#[test]
fn what_carries_a_retracted_label_is_not_read() {
    let tracer = Tracer::in_memory().expect("a store in memory");
    let _guard = mltrace::scoped(&tracer);
    let cleaned = clean(Path::new("/clean/2020-01.csv"));
    tracer.label("rides", "customer-7").write().expect("labelled");
    features(Path::new("/other.csv")).expect("a label that holds denies nothing");
    assert_eq!(ran(), 11);

    tracer.retract("customer-7", "consent withdrawn").by("privacy").write().expect("retracted");
    let error = features(cleaned).expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::Retracted);
    let message = error.to_string();
    assert!(message.starts_with("`features` did not run: its input `"), "{message}");
    assert!(message.contains("` carries the label `customer-7`, which privacy retracted on 20"), "{message}");
    assert!(message.ends_with(": consent withdrawn (and 1 more)"), "{message}");
    assert_eq!(ran(), 0, "neither the body nor a check has seen it");
    let run = tracer.recent(1).expect("the run").items.remove(0);
    assert_eq!((run.status, run.error), (Status::Failed, Some(message)));
    assert!(run.inputs.is_empty() && run.checks.is_empty(), "what is denied is not read");
    assert!(tracer.retracted().expect("retractions")[0].runs.is_empty(), "a run that heeded it is no violation");
}

#[component(deny_retracted, inputs("warehouse.rides"), labels(customer))]
fn forecast(customer: &str) -> Result<(), mltrace::Error> {
    RAN.set(RAN.get() + u32::from(!customer.is_empty()));
    Ok(())
}

#[test]
fn a_label_that_the_component_itself_puts_on_its_inputs_is_denied_once_it_is_retracted() {
    let tracer = Tracer::in_memory().expect("a store in memory");
    let _guard = mltrace::scoped(&tracer);
    forecast("customer-8").expect("a label that holds denies nothing");
    tracer.label("old", "customer-7").write().expect("labelled");
    tracer.retract("customer-7", "consent withdrawn").write().expect("retracted");
    forecast("customer-9").expect("another's label");
    assert_eq!(ran(), 2);
    let error = forecast("customer-7").expect_err("denied");
    assert!(error.to_string().contains("its input `warehouse.rides` carries the label `customer-7`"), "{error}");
    assert_eq!(ran(), 0);
    assert_eq!(tracer.labels().expect("labels")[0].pointers.len(), 1, "what is denied is not labelled either");
}

#[component(blocking, deny_retracted, before(ready), inputs("rides"), outputs(model))]
fn refit(ready: bool, model: &Path) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(model, "a better model")?)
}

#[test]
fn a_body_that_did_not_run_has_written_nothing() {
    let tracer = Tracer::in_memory().expect("a store in memory");
    let _guard = mltrace::scoped(&tracer);
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("forest.model");
    refit(true, &model).expect("written");
    let written = tracer.recent(1).expect("the run").items.remove(0);
    assert_eq!(written.outputs.len(), 1);
    let writer = || {
        let root = tracer.trace(written.outputs[0].name.as_str()).get().expect("a trace").root;
        root.run.expect("a writer")
    };

    refit(false, &model).expect_err("blocked");
    assert_eq!(writer(), written.id, "the file was there before");
    tracer.label("rides", "customer-7").write().expect("labelled");
    tracer.retract("customer-7", "consent withdrawn").write().expect("retracted");
    refit(true, &model).expect_err("denied");
    assert_eq!(writer(), written.id, "the file was there before");
    assert_eq!(tracer.history("refit").get().expect("a history").items.len(), 3);
}

#[test]
fn where_the_store_cannot_tell_nothing_passes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let tracer = Tracer::open(&path).expect("a store");
    let _guard = mltrace::scoped(&tracer);
    features(Path::new("/a")).expect("not denied");
    assert_eq!(ran(), 11);
    let other = rusqlite::Connection::open(&path).expect("the file");
    other.execute("DROP TABLE retraction", []).expect("dropped");
    let error = features(Path::new("/a")).expect_err("denied").to_string();
    assert!(error.starts_with("`features` did not run: whether its inputs carry a retracted label cannot be told: "));
    assert!(error.contains("store.db"), "{error}");
    assert_eq!(ran(), 0);
}

#[test]
fn only_inputs_known_at_entry_are_denied() {
    let tracer = Tracer::in_memory().expect("a store in memory");
    let _guard = mltrace::scoped(&tracer);
    tracer.label("rides", "customer-7").write().expect("labelled");
    tracer.retract("customer-7", "consent withdrawn").write().expect("retracted");
    block_on(bound_late(Path::new("/a"))).expect("the body runs");
    tracer.label("/a", "customer-8").write().expect("labelled");
    tracer.retract("customer-8", "consent withdrawn").write().expect("retracted");
    let error = block_on(bound_late(Path::new("/a"))).expect_err("denied");
    assert!(error.to_string().contains("its input `/a` carries the label `customer-8`"), "{error}");
    assert_eq!(tracer.retracted().expect("retractions").iter().map(|one| one.runs.len()).sum::<usize>(), 1);
}

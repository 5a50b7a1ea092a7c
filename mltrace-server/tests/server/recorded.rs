//! What real clients sent: dbt with `--consume-structured-logs`, and the client for Python. It is recorded anew by
//! `MLTRACE_RECORD=1 cargo test -p mltrace-cli --test cli recorded`.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use crate::events::{store_after, try_out};

const RECORDED: [(&str, &str); 2] =
    [("dbt", include_str!("recorded/dbt.jsonl")), ("python", include_str!("recorded/python.jsonl"))];

fn recorded() -> Vec<Value> {
    RECORDED.iter().flat_map(|(_, lines)| lines.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn one_by_one(events: &[Value]) -> Vec<Vec<Value>> {
    events.iter().map(|event| vec![event.clone()]).collect()
}

#[test]
fn of_what_real_clients_send_each_run_is_kept_with_its_end() {
    let (runs, _) = store_after(&one_by_one(&recorded()));
    let text = |run: &Value, field: &str| run[field].as_str().unwrap().to_owned();
    let ends: Vec<_> = runs.values().map(|run| (text(run, "component"), text(run, "status"))).collect();
    let ended = |component: &str| -> Vec<&str> {
        ends.iter().filter(|(name, _)| name.starts_with(component)).map(|(_, status)| &**status).collect()
    };
    for (component, status) in [
        ("dbt/dbt-run-taxi", "completed"),
        ("dbt/seed.taxi.raw_rides", "completed"),
        ("dbt/model.taxi.rides", "completed"),
        ("dbt/test.taxi.unique", "completed"),
        ("dbt/test.taxi.not_null", "completed"),
        ("python/score", "completed"),
        ("python/report", "failed"),
    ] {
        assert!(ended(component) == [status], "{component} in {ends:?}");
    }
    assert_eq!(ends.len(), 7, "no statement is a run: {ends:?}");
}

#[test]
fn inputs_that_fuzzing_begins_with_are_taken_in_any_order() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/events");
    let seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|seed| fs::read(seed.unwrap().path()).unwrap()).collect();
    assert!(seeds.len() > 5);
    for seed in &seeds {
        try_out(seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_real_clients_send_may_come_in_any_order_twice_or_in_part(
        (events, other) in {
            let kept = prop::sample::subsequence(recorded(), 1..46);
            kept.prop_flat_map(|kept| {
                let again = prop::collection::vec(prop::sample::select(kept.clone()), 0..9);
                let other = again.prop_map({
                    let kept = kept.clone();
                    move |again| [kept.clone(), again].concat()
                });
                (Just(kept), other.prop_shuffle())
            })
        },
        size in 1..9_usize,
    ) {
        let batches: Vec<_> = other.chunks(size).map(<[Value]>::to_vec).collect();
        prop_assert_eq!(store_after(&one_by_one(&events)), store_after(&batches));
    }
}

use serde_json::{Value, json};

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

fn depths(graph: &Value) -> Vec<(Value, Value)> {
    let runs = graph["runs"].as_array().unwrap().iter();
    runs.map(|run| (run["depth"].clone(), run["run"]["id"].clone())).collect()
}

fn expected<const N: usize>(depths: [(u32, i64); N]) -> Vec<(Value, Value)> {
    depths.map(|(depth, id)| (json!(depth), json!(id))).to_vec()
}

#[test]
fn a_source_is_followed_to_what_nobody_read() {
    let store = Store::of_a_taxi_pipeline();
    assert_snapshot!(Cli::on(&store).args("impact raw/2020-01.parquet").succeeds());
    let graph = Cli::on(&store).args("impact raw/2020-01.parquet").answers();
    assert_eq!(graph["root"]["run"], json!(null));
    assert_eq!(graph["root"]["pointer"]["name"], "raw/2020-01.parquet");
    assert_eq!(depths(&graph), expected([(1, 1), (2, 2), (3, 5), (4, 6), (5, 8)]));
}

#[test]
fn a_written_name_begins_at_its_writer_and_leaves_out_its_siblings() {
    let store = Store::of_a_taxi_pipeline();
    store.log("summary", 30, 1, |run| {
        run.add_input("split/valid.parquet").add_output("summary.html");
    });
    assert_snapshot!(Cli::on(&store).args("impact split/train.parquet").succeeds());
    let graph = Cli::on(&store).args("impact split/train.parquet").answers();
    assert_eq!(depths(&graph), expected([(0, 5), (1, 6), (2, 8)]));
}

#[test]
fn a_run_touches_all_that_read_any_of_its_outputs() {
    let store = Store::of_a_taxi_pipeline();
    assert_snapshot!(Cli::on(&store).args("impact --run 3").succeeds());
    let graph = Cli::on(&store).args("impact --run #3").answers();
    assert_eq!(graph["root"], json!({"pointer": null, "run": 3}));
    assert_eq!(depths(&graph), expected([(0, 3), (1, 4), (1, 8), (2, 7)]));
}

#[test]
fn a_label_lists_everything_that_carries_it() {
    let store = Store::of_a_taxi_pipeline();
    store.tracer.label("raw/2020-01.parquet", "customer-7").write().unwrap();
    store.tracer.label("weather.csv", "customer-7").write().unwrap();
    assert_snapshot!(Cli::on(&store).args("impact --label customer-7").succeeds());
    let impact = Cli::on(&store).args("impact --label customer-7").answers();
    assert_eq!(impact["label"]["name"], "customer-7");
    assert_eq!(impact["root"], json!({"pointer": null, "run": null}));
    assert_eq!(impact["pointers"].as_array().unwrap().len(), 2 + 1 + 1 + 2 + 1 + 256);
    assert_eq!(depths(&impact), expected([(1, 1), (2, 2), (3, 5), (4, 6), (5, 8)]));
}

#[test]
fn a_label_that_nobody_read_carries_nothing_further() {
    let store = Store::of_a_taxi_pipeline();
    store.tracer.label("weather.csv", "vendor").write().unwrap();
    let out = Cli::on(&store).args("impact --label vendor").succeeds();
    assert_eq!(out, "vendor  on weather.csv\ncarried by 0 runs and 1 pointer\n");
}

#[test]
fn what_a_depth_cuts_off_is_counted() {
    let store = Store::of_a_taxi_pipeline();
    let out = Cli::on(&store).args("impact raw/2020-01.parquet --depth 2").succeeds();
    assert!(out.ends_with("\n... 3 more runs downstream: raise --depth\n"), "{out}");
    assert!(!out.contains("read by no traced run"), "beyond the depth nobody knows: {out}");
}

#[test]
fn a_version_is_followed_alone() {
    let store = Store::empty();
    for (minute, version) in [(0, "a1"), (10, "b2")] {
        let rides = || mltrace_core::IoPointer::new("rides").at_version(version);
        store.log("cleaning", minute, 1, |run| {
            run.add_output(rides());
        });
        store.log("train", minute + 1, 1, |run| {
            run.add_input(rides()).add_output(format!("forest-{version}"));
        });
    }
    let graph = Cli::on(&store).args("impact rides --version a1").answers();
    assert_eq!(depths(&graph), expected([(0, 1), (1, 2)]));
    let all = Cli::on(&store).args("impact rides").succeeds();
    assert!(
        all.contains("├─╮ ↓ rides\n│ ● #4 train") && all.contains("│ ↓ rides  from #1 cleaning\n● #2 train"),
        "{all}"
    );
    assert_eq!(all.matches('●').count(), 3, "the latest writer, and both readers: {all}");
}

#[test]
fn a_chain_of_ten_thousand_stages_does_not_indent() {
    let out = Cli::on(&Store::of_a_chain(10_000)).args("impact x0").succeeds();
    assert_eq!(out.lines().filter(|line| line.starts_with("● #")).count(), 10_000);
    assert!(out.ends_with("\n└─ x10000  read by no traced run\n"));
}

#[test]
fn a_ladder_of_diamonds_shows_each_run_once_and_stays_narrow() {
    let store = Store::empty();
    for level in 0..30 {
        for side in ["a", "b"] {
            store.log("rung", level, 1, |run| {
                run.add_input(format!("a{level}")).add_input(format!("b{level}"));
                run.add_output(format!("{side}{}", level + 1));
            });
        }
    }
    let out = Cli::on(&store).args("impact a0").succeeds();
    assert_eq!(out.matches('●').count(), 60);
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn runs_that_read_from_each_other_end_the_walk() {
    let store = Store::empty();
    for (component, input, output) in [("hen", "egg", "chick"), ("nest", "chick", "egg")] {
        store.log(component, 0, 10, |run| {
            run.add_input(input).add_output(output);
        });
    }
    let out = Cli::on(&store).args("impact chick").succeeds();
    assert_eq!(out.matches('●').count(), 2, "{out}");
    assert!(out.contains("└─ egg  to #1 hen (shown above)"), "{out}");
}

#[test]
fn what_nobody_read_has_touched_nothing() {
    let store = Store::of_a_taxi_pipeline();
    let out = Cli::on(&store).args("impact ride-00017").succeeds();
    assert!(out.contains("written by #8 inference [2020-05], ") && out.contains("\nread by no traced run\n"), "{out}");
}

#[test]
fn what_is_asked_wrongly_is_a_usage_error() {
    let store = Store::of_a_taxi_pipeline();
    for (command, expected) in [
        ("impact", "required"),
        ("impact raw/2020-01.parquet --run 3", "cannot be used with"),
        ("impact --label customer-7 --depth 2", "cannot be used with"),
        ("impact --run 3 --version ab", "cannot be used with"),
        ("impact --run 99", "there is no run 99 in this store: it holds runs up to 8"),
        ("impact forest.model", "no run wrote or read `forest.model`: did you mean models/forest.model?"),
        ("impact split/train.parquet --version ff", "no run wrote or read a version of `split/train.parquet`"),
    ] {
        let error = Cli::on(&store).args(command).fails(2);
        assert!(error.contains(expected), "{command}:\n{error}");
    }
}

#[test]
fn many_runs_that_nothing_tells_apart_are_drawn_as_one() {
    let store = Store::empty();
    store.log("featuregen", 0, 1, |run| {
        run.partition("2020-05").add_output("features");
    });
    store.log("train", 1, 1, |run| {
        run.add_input("features").add_output("forest");
    });
    for batch in 0..40 {
        store.log("inference", 10 + batch, 1, |run| {
            run.partition("2020-05").add_input("features").add_input("forest");
            run.add_output_as(mltrace_core::PointerType::Endpoint, format!("ride-{batch:02}"));
            if batch == 7 {
                run.fail("no memory");
            }
        });
    }
    let out = Cli::on(&store).args("impact features").succeeds();
    assert_snapshot!(out);
    assert_eq!(Cli::on(&store).args("impact features").answers()["runs"].as_array().unwrap().len(), 42);
    let few = Cli::on(&store).args("impact --run 42").succeeds();
    assert!(few.contains("● #42 inference [2020-05]"), "{few}");
}

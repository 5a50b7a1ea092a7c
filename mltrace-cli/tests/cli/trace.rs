use std::fs;
use std::path::Path;

use mltrace_core::{ComponentRun, IoPointer};
use serde_json::json;

use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::Store;

#[test]
fn one_prediction_is_traced_to_its_sources() {
    assert_snapshot!(Cli::on(&Store::of_a_taxi_pipeline()).args("trace ride-00017").succeeds());
}

#[test]
fn what_a_depth_cuts_off_is_counted() {
    let store = Store::of_a_taxi_pipeline();
    assert_snapshot!(Cli::on(&store).args("trace ride-00017 --depth 1").succeeds());
    let graph = Cli::on(&store).args("trace ride-00017 --depth 1").answers();
    assert_eq!(graph["truncated"], json!({"runs": 3}));
}

#[test]
fn a_diamond_shows_each_run_once_and_refers_to_it() {
    let store = Store::empty();
    store.log("clean", 0, 1, |run| {
        run.add_input("raw").add_output("rides");
    });
    for (minute, component) in [(1, "short"), (2, "long")] {
        store.log(component, minute, 1, |run| {
            run.add_input("rides").add_output(component);
        });
    }
    store.log("join", 3, 1, |run| {
        run.add_input("short").add_input("long").add_output("joined");
    });
    assert_snapshot!(Cli::on(&store).args("trace joined").succeeds());
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
    let out = Cli::on(&store).args("trace a30").succeeds();
    assert_eq!(out.matches('●').count(), 59);
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn a_chain_of_ten_thousand_stages_does_not_indent() {
    let out = Cli::on(&Store::of_a_chain(10_000)).args("trace x10000").succeeds();
    assert_eq!(out.lines().filter(|line| line.starts_with("● #")).count(), 10_000);
    assert!(out.ends_with("\n└─ x0  source: no traced run wrote it\n"));
}

#[test]
fn runs_that_read_from_each_other_end_the_walk() {
    let store = Store::empty();
    for (component, input, output) in [("hen", "egg", "chick"), ("nest", "chick", "egg")] {
        store.log(component, 0, 10, |run| {
            run.add_input(input).add_output(output);
        });
    }
    let out = Cli::on(&store).args("trace chick").succeeds();
    assert_eq!(out.matches('●').count(), 2, "{out}");
    assert!(out.contains("└─ chick  from #1 hen (shown above)"), "{out}");
    assert!(out.contains("overlapping: #2 had not ended when it was read"), "{out}");
}

#[test]
fn a_failed_writer_stands_with_its_status_and_error() {
    let store = Store::empty();
    let rides = || IoPointer::new("rides").at_version("half");
    store.log("cleaning", 0, 1, |run| {
        run.add_output(rides()).fail("the disk is full\ncaused by: quota");
    });
    store.log("train", 1, 1, |run| {
        run.add_input(rides()).add_output("forest");
    });
    let out = Cli::on(&store).args("trace forest").succeeds();
    assert!(out.contains("● #1 cleaning  failed  2020-05-01 06:00:00  1.0 s"), "{out}");
    assert!(out.ends_with("\n    the disk is full …\n"), "{out}");
}

#[test]
fn a_run_that_reads_its_own_last_output_is_traced_through_all_of_them() {
    let store = Store::empty();
    for minute in 0..3 {
        store.log("ledger", minute, 1, |run| {
            run.add_input("ledger").add_output("ledger");
        });
    }
    let out = Cli::on(&store).args("trace ledger").succeeds();
    assert_eq!(out.matches("│ ↑ ledger\n").count(), 2, "{out}");
    assert!(out.ends_with("\n└─ ledger  source: no traced run wrote it\n"), "{out}");
}

#[test]
fn many_sources_and_many_names_on_one_edge_are_counted() {
    let store = Store::empty();
    store.log("cleaning", 0, 1, |run| {
        for month in 1..=12 {
            run.add_input(format!("raw/{month:02}")).add_output(format!("clean/{month:02}"));
        }
    });
    store.log("join", 1, 1, |run| {
        for month in 1..=12 {
            run.add_input(format!("clean/{month:02}"));
        }
        run.add_output("joined");
    });
    let out = Cli::on(&store).args("trace joined").succeeds();
    assert!(out.contains("│ ↑ clean/01, clean/02, clean/03 and 9 more\n"), "{out}");
    assert!(out.contains("└─ ... and 7 more sources\n"), "{out}");
    let narrow = Cli::on(&store).args("trace joined").env("COLUMNS", "40").succeeds();
    assert!(narrow.contains("│ ↑ clean/01, clean/02 and 10 more\n"), "{narrow}");
}

#[test]
fn an_earlier_writer_is_found_by_time_and_by_version() {
    let store = Store::empty();
    for (minute, version) in [(0, "first-1"), (60, "second-2")] {
        store.log("train", minute, 1, |run| {
            run.add_output(IoPointer::new("forest").at_version(version));
        });
    }
    for (flags, run) in [("", 2), (" --as-of 2020-05-01T06:30:00Z", 1), (" --version first", 1), (" --version sec", 2)]
    {
        let graph = Cli::on(&store).args(&format!("trace forest{flags}")).answers();
        assert_eq!(graph["root"]["run"], run, "{flags}");
    }
}

#[test]
fn the_json_is_the_graph() {
    let graph = Cli::on(&Store::of_a_taxi_pipeline()).args("trace ride-00017").answers();
    assert_eq!(graph["root"]["pointer"]["name"], "ride-00017");
    let runs: Vec<_> =
        graph["runs"].as_array().unwrap().iter().map(|run| (run["depth"].clone(), run["run"]["id"].clone())).collect();
    let expected = [(0, 8), (1, 3), (1, 4), (1, 6), (2, 5), (3, 2), (4, 1)];
    assert_eq!(runs, expected.map(|(depth, id)| (json!(depth), json!(id))));
    let modified = json!({
        "from": 4, "to": 3, "pointer": "clean/2020-05.parquet", "match": "name", "modified": true, "overlapping": false,
    });
    assert!(graph["edges"].as_array().unwrap().contains(&modified), "{graph}");
    assert_eq!(graph["truncated"], json!(null));
}

#[test]
fn a_path_is_found_from_any_folder_of_the_project() {
    let store = Store::empty();
    let [data, sub] = ["rides.csv", "notebooks"].map(|name| store.folder().join(name));
    fs::write(&data, "rides").unwrap();
    fs::create_dir(&sub).unwrap();
    let mut run = ComponentRun::new("cleaning");
    run.start().add_output(Path::new(&data)).end();
    store.tracer.log_component_run(run).unwrap();
    for (folder, spelled) in [(store.folder(), "rides.csv"), (store.folder(), "./rides.csv"), (&sub, "../rides.csv")] {
        let out = Cli::bare().in_folder(folder).args("trace").arg(spelled).succeeds();
        assert!(out.starts_with("rides.csv  data, hash:"), "{out}");
    }
}

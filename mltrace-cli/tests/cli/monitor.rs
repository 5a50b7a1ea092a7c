use std::fs;

use mltrace_core::ComponentRun;
use serde_json::{Value, json};

use crate::cli::{Cli, assert_snapshot};
use crate::monitored::Deployed;
use crate::pipeline::{Store, at};

const COMMANDS: [&str; 9] = [
    "outputs high_tip",
    "metrics high_tip",
    "metrics high_tip --by hour",
    "metrics high_tip --metric confusion_matrix --by week",
    "metrics high_tip --last 100",
    "profile high_tip --until 2020-03-30",
    "drift high_tip --until 2020-03-30",
    "drift high_tip",
    "retrain high_tip --as-of 2020-03-30",
];

/// A task that nobody has labelled, and whose outputs no run wrote.
fn unlabelled() -> Store {
    let store = Store::empty();
    let task = store.tracer.task("high_tip").unwrap();
    task.log_outputs((0..40).map(|ride| (format!("ride-{ride}"), f64::from(ride) / 40.0, at(ride.into())))).unwrap();
    store
}

#[test]
fn outputs_are_shown_with_their_spread_and_their_days() {
    assert_snapshot!(Cli::on(&Deployed::new().store).args("outputs high_tip").succeeds());
}

#[test]
fn a_metric_by_the_day_stands_beside_what_it_comes_to_since_the_start() {
    assert_snapshot!(Cli::on(&Deployed::new().store).args("metrics high_tip").succeeds());
}

#[test]
fn a_metric_by_the_week_names_the_worst_week() {
    let out = Cli::on(&Deployed::new().store).args("metrics high_tip --by week --metric accuracy").succeeds();
    assert_snapshot!(out);
}

#[test]
fn a_run_shows_what_it_said_of_its_data() {
    let Deployed { store, training } = Deployed::new();
    assert_snapshot!(Cli::on(&store).args("profile").arg(&format!("#{training}")).succeeds());
}

#[test]
fn drift_is_told_column_by_column_and_the_worst_is_drawn() {
    let out = Cli::on(&Deployed::new().store).args("drift high_tip --until 2020-03-30").succeeds();
    assert_snapshot!(out);
}

#[test]
fn the_checklist_is_answered_with_evidence_and_advice() {
    let out = Cli::on(&Deployed::new().store).args("retrain high_tip --as-of 2020-03-30").succeeds();
    assert_snapshot!(out);
}

#[test]
fn every_answer_fits_its_screen() {
    let store = Deployed::new().store;
    for width in [80, 200] {
        for command in COMMANDS {
            let out = Cli::on(&store).args(command).env("COLUMNS", &width.to_string()).succeeds();
            // A command to be copied stays on its line.
            let mut lines = out.lines().filter(|line| !line.contains("mltrace flag"));
            assert!(lines.all(|line| line.chars().count() <= width), "{command} at {width}:\n{out}");
        }
    }
}

#[test]
fn the_worst_window_leads_to_its_outputs_and_to_the_run_behind_them() {
    let store = Deployed::new().store;
    let out = Cli::on(&store).args("metrics high_tip --by week").succeeds();
    let step = |of: &str| {
        let (_, step) = out.split_once(of).unwrap_or_else(|| panic!("no `{of}`: {out}"));
        of.to_owned() + step.lines().next().unwrap()
    };
    let flag = step("mltrace flag ");
    assert_eq!(flag, "mltrace flag --task high_tip --from 2020-03-16 --until 2020-03-23");
    assert_eq!(
        Cli::on(&store).args(flag.strip_prefix("mltrace ").unwrap()).succeeds(),
        "flagged 252 outputs of high_tip\n  written by 7 runs of inference, #15 to #21\nnext: mltrace review\n"
    );
    let review = Cli::on(&store).args("review").answers();
    assert_eq!(review["flagged"].as_array().unwrap().len(), 252);
    assert_eq!(review["components"][0]["component"], "inference");
    let traced = Cli::on(&store).args(step("mltrace trace ").strip_prefix("mltrace ").unwrap()).succeeds();
    assert!(traced.contains("inference") && traced.contains("#1 train"), "{traced}");
}

#[test]
fn windows_that_are_too_small_to_be_called_the_worst_are_not() {
    let store = Deployed::new().store;
    let answer = Cli::on(&store).args("metrics high_tip --since 2020-03-27").answers();
    assert_eq!((&answer["windows"][0]["labelled"], &answer["worst"]), (&json!(10), &Value::Null));
    let out = Cli::on(&store).args("metrics high_tip --since 2020-03-27").succeeds();
    assert!(!out.contains("worst") && out.contains("no labels"), "{out}");
}

#[test]
fn where_a_smaller_figure_is_better_the_worst_is_the_largest() {
    let store = Deployed::new().store;
    let answer = Cli::on(&store).args("metrics high_tip --metric brier --by week").answers();
    let figures: Vec<f64> =
        answer["windows"].as_array().unwrap().iter().map(|window| window["figure"].as_f64().unwrap()).collect();
    let largest = figures.iter().copied().fold(0.0, f64::max);
    assert_eq!(answer["worst"]["figure"], json!(largest));
    assert_eq!(answer["rolling"].as_array().unwrap().len(), figures.len());
}

#[test]
fn outputs_without_labels_get_an_estimate_that_says_it_is_one() {
    let store = Deployed::new().store;
    let answer = Cli::on(&store).args("metrics high_tip").answers();
    let estimate = &answer["estimate"];
    assert_eq!((&estimate["is_estimate"], &estimate["outputs"]), (&json!(true), &json!(72)));
    assert_eq!(estimate["since"], "2020-03-28T00:00:00Z");
    let none = Cli::on(&store).args("metrics high_tip --metric roc_auc").answers();
    assert_eq!(none["estimate"], Value::Null, "it cannot be estimated");
}

#[test]
fn where_no_label_has_come_that_is_said_with_what_to_do() {
    let store = unlabelled();
    let out = Cli::on(&store).args("metrics high_tip").succeeds();
    assert!(out.contains("none of 40 outputs is labelled, so nothing can be told\n"), "{out}");
    assert!(out.contains("next: log what turned out to be true with `task.log_feedback(id, value)`"), "{out}");
    assert!(out.contains("nothing can be told of the 40 outputs") && !out.contains("worst"), "{out}");
    let out = Cli::on(&store).args("outputs high_tip").succeeds();
    assert!(out.contains("none is labelled: how well the model does is not known\n"), "{out}");
    assert!(!out.contains("next: mltrace metrics"), "{out}");
}

#[test]
fn a_task_is_named_where_another_was_asked_for() {
    let store = Deployed::new().store;
    store.tracer.task("fraud").unwrap().log_output("a", 0.5).unwrap();
    for command in ["outputs", "metrics", "profile", "drift", "retrain"] {
        assert_eq!(
            Cli::on(&store).args(command).arg("hightip").fails(2),
            "mltrace: there is no task `hightip`: there are high_tip, fraud\n",
            "{command}"
        );
    }
    let error = Cli::on(&store).args("flag --task hightip --from 2020-03-01 --until 2020-03-02").fails(2);
    assert!(error.contains("there are high_tip, fraud"), "{error}");
}

#[test]
fn an_empty_store_says_how_tasks_come_about() {
    let store = Store::empty();
    for command in ["outputs", "metrics", "profile", "drift", "retrain"] {
        let error = Cli::on(&store).args(command).arg("high_tip").fails(2);
        assert!(error.contains("log an output to it with `Task::log_output` first"), "{command}: {error}");
    }
}

#[test]
fn without_a_reference_it_is_said_how_to_name_one() {
    let store = unlabelled();
    let error = Cli::on(&store).args("drift high_tip --until 2020-05-08").fails(2);
    assert!(error.contains("--reference RUN") && error.contains("no traced run wrote the outputs"), "{error}");
    let run = store.log("train", 0, 1, |run| {
        run.add_output("forest.model");
    });
    let error = Cli::on(&store).args("drift high_tip --until 2020-05-08 --reference").arg(&run.to_string()).fails(2);
    assert!(error.contains("profile"), "{error}");
    let error = Cli::on(&store).args("drift high_tip --reference 99").fails(2);
    assert!(error.contains("there is no run 99"), "{error}");
}

#[test]
fn a_run_that_said_nothing_of_its_data_is_told_how() {
    let store = Store::of_a_taxi_pipeline();
    assert_eq!(
        Cli::on(&store).args("profile 6").succeeds(),
        "#6 train said nothing of its data: call `run.profile(\"features\", ..)` in it\n"
    );
    assert_eq!(
        Cli::on(&store).args("profile 6").answers(),
        json!({"run": 6, "task": null, "window": null, "profiles": []})
    );
    assert!(Cli::on(&store).args("profile 99").fails(2).contains("there is no run 99"));
}

#[test]
fn a_silent_endpoint_is_critical_and_the_last_output_is_told() {
    let store = Deployed::new().store;
    let out = Cli::on(&store).args("drift high_tip --until 2020-05-01").succeeds();
    assert!(out.contains("critical: 3 of 3 columns alarm\n") && out.contains("no data  prediction"), "{out}");
    assert!(out.contains("the last output was given out 2020-03-29 12:00"), "{out}");
    let out = Cli::on(&store).args("outputs high_tip --since 2020-04-01 --until 2020-04-03").succeeds();
    assert!(out.contains("no outputs in this time") && out.contains("2020-04-02     none"), "{out}");
    let out = Cli::on(&store).args("metrics high_tip --since 2020-04-01").succeeds();
    assert_eq!(out, "high_tip has no outputs in this time: mltrace outputs high_tip\n");
    let out = Cli::on(&store).args("profile high_tip --until 2020-05-01").succeeds();
    assert!(out.contains("nothing was logged on these days"), "{out}");
}

#[test]
fn scripts_are_told_by_the_exit_code() {
    let store = Deployed::new().store;
    Cli::on(&store).args("drift high_tip --until 2020-03-30 --exit-code").says_no();
    Cli::on(&store).args("drift high_tip --until 2020-03-16 --exit-code").succeeds();
    Cli::on(&store).args("retrain high_tip --as-of 2020-03-30 --exit-code").says_no();
    Cli::on(&store).args("retrain high_tip --as-of 2020-03-16 --exit-code").succeeds();
}

#[test]
fn an_alarm_that_was_kept_is_told_once_and_again_when_it_is_over() {
    let store = Deployed::new().store;
    let keep = |until: &str| Cli::on(&store).args("drift high_tip --keep --exit-code --until").arg(until);
    let news = |out: &str| {
        let told = ["kept: ", "new: ", "no more: "];
        out.lines().filter(|line| told.iter().any(|lead| line.starts_with(lead))).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(news(&keep("2020-03-16").succeeds()), "kept: the first check of a window as long");
    let raised = keep("2020-03-23").says_no();
    assert_eq!(news(&raised), "kept: at the check before it was no alarm\nnew: miles drift");
    // It drifts as it did: whoever was woken knows.
    assert_eq!(news(&keep("2020-03-30").succeeds()), "kept: nothing new since the check before");
    let silent = keep("2020-05-01").says_no();
    assert!(
        news(&silent).contains("new: miles no data, ") && news(&silent).contains("no more: miles drift"),
        "{silent}"
    );
    // Without being kept it is what it is.
    let asked = Cli::on(&store).args("drift high_tip --exit-code --until 2020-03-30").says_no();
    assert_eq!(news(&asked), "");
    assert_eq!(store.tracer.task("high_tip").unwrap().drift_history().unwrap().len(), 4);
}

#[test]
fn a_checklist_is_read_from_a_file_and_what_is_wrong_in_it_is_named() {
    let store = Deployed::new().store;
    let file = store.folder().join("retrain.toml");
    let asked = |text: &str| {
        fs::write(&file, text).unwrap();
        Cli::on(&store).args("retrain high_tip --as-of 2020-03-16 --checklist").arg(file.to_str().unwrap())
    };
    let out = asked("[model]\nmax_age = \"7d\"\n[data]\nfresher = false\n").succeeds();
    assert!(out.contains("train it again: 1 of 4 criteria") && out.contains("it may be 7d old"), "{out}");
    let error = asked("[metric]\nnmae = \"f1\"\n").fails(2);
    assert!(error.contains("retrain.toml: ") && error.contains("unknown field `nmae`"), "{error}");
    assert!(asked("[model]\nmax_age = 90\n").fails(2).contains("max_age"));
    let error = Cli::on(&store).args("retrain high_tip --checklist nowhere.toml").fails(2);
    assert!(error.starts_with("mltrace: nowhere.toml: "), "{error}");
}

#[test]
fn only_a_task_s_outputs_of_a_time_that_has_some_are_flagged() {
    let store = unlabelled();
    let error = Cli::on(&store).args("flag --task high_tip --from 2019-01-01 --until 2019-01-02").fails(2);
    assert!(error.contains("`high_tip` has no outputs in this time"), "{error}");
    for usage in ["flag", "flag ride-1 --task high_tip", "flag --task high_tip --from 2w", "flag ride-1 --from 2w"] {
        Cli::on(&store).args(usage).fails(2);
    }
    let out = Cli::on(&store).args("flag --task high_tip --from 2020-05-01 --until 2020-05-02").succeeds();
    assert!(out.starts_with("flagged 40 outputs of high_tip\n  none of them written by a traced run: let"), "{out}");
}

#[test]
fn names_that_could_harm_a_terminal_or_a_shell_are_made_harmless() {
    let store = Store::empty();
    let name = "high tip\u{1b}[31m";
    let task = store.tracer.task(name).unwrap();
    let ids: Vec<_> = (0..40).map(|ride| format!("ride {ride}; rm")).collect();
    task.log_outputs(ids.iter().map(|id| (id.as_str(), 0.9, at(0)))).unwrap();
    task.log_feedbacks(ids.iter().map(|id| (id.as_str(), 0.0, at(1)))).unwrap();
    let mut run = ComponentRun::new("train");
    run.start().end();
    store.tracer.log_component_run(run).unwrap();
    for command in ["outputs", "metrics", "profile"] {
        let out = Cli::on(&store).args(command).arg(name).succeeds();
        assert!(!out.contains('\u{1b}'), "{out:?}");
    }
    let out = Cli::on(&store).args("metrics").arg(name).succeeds();
    assert!(out.contains("mltrace trace 'ride 0; rm'\n") && out.contains("flag --task 'high tip [31m'"), "{out}");
}

//! What Prometheus scrapes.
#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::body::Body;
use chrono::{DateTime, TimeDelta, Utc};
use mltrace_core::monitor::{Column, Figure, Logged, Metric};
use mltrace_core::{ComponentRun, PointerType, RunReport};
use mltrace_server::{Config, DASHBOARD, Limits, RULES, Role, app};
use serde_json::{Value, json};

use crate::client::Server;
use crate::limits::Never;

async fn scrape(server: &Server) -> String {
    let answer = server.get("/metrics").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    answer.text()
}

/// Scrapes until a line is there: what takes longer is shown by a later scrape.
async fn scrape_until(server: &Server, line: &str) -> String {
    for _ in 0..1_000 {
        let text = scrape(server).await;
        if text.lines().any(|written| written == line) {
            return text;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("there never was {line} in {}", scrape(server).await)
}

/// The value of a series.
fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("there is no {series} in {text}")).parse().unwrap()
}

fn series(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}

fn log(server: &Server, component: &str, seconds: i64, how: impl FnOnce(&mut ComponentRun)) {
    let mut run = ComponentRun::new(component);
    let start: DateTime<Utc> = "2020-02-01T08:00:00Z".parse().unwrap();
    run.owner("science").started_at(start);
    how(&mut run);
    run.ended_at(start + TimeDelta::seconds(seconds));
    server.tracer.log_component_run(run).unwrap();
}

#[expect(clippy::explicit_write, reason = "the harness shows what `eprintln!` prints only where a test fails")]
fn promtool(arguments: &[&str], input: &str) {
    let child = Command::new("promtool").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = match child {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            writeln!(io::stderr(), "skipped: there is no promtool here; `cargo xtask test` fetches it").unwrap();
            return;
        }
        child => child.unwrap(),
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let found = child.wait_with_output().unwrap();
    assert!(found.status.success(), "{}\n{input}", String::from_utf8_lossy(&found.stdout));
}

#[tokio::test]
async fn runs_are_counted_on_from_scrape_to_scrape_each_once() {
    let server = Server::new();
    log(&server, "train", 60, |_| {});
    log(&server, "train", 2, |run| {
        run.fail("no rides");
    });
    let open = |end: Option<&str>| {
        let run = json!({"component": "long", "uuid": "0197f3c0-0000-7000-8000-000000000001",
                         "started_at": "2020-05-01T00:00:00Z", "ended_at": end});
        let run: RunReport = serde_json::from_value(run).unwrap();
        server.tracer.log_reports(vec![run]).unwrap().remove(0).unwrap();
    };
    open(None);
    let first = scrape(&server).await;
    let of = |text: &str, name: &str, component: &str, more: &str| {
        let owner = if component == "train" { "science" } else { "" };
        value(text, &format!("{name}{{component=\"{component}\",owner=\"{owner}\"{more}}}"))
    };
    assert_eq!(of(&first, "mltrace_runs_total", "train", ",status=\"completed\""), 1.0);
    assert_eq!(of(&first, "mltrace_runs_total", "train", ",status=\"failed\""), 1.0);
    assert_eq!(of(&first, "mltrace_run_duration_seconds_sum", "train", ""), 62.0);
    let up_to_four = "mltrace_run_duration_seconds_bucket{le=\"4.0\",component=\"train\",owner=\"science\"}";
    assert_eq!(value(&first, up_to_four), 1.0);
    assert_eq!(of(&first, "mltrace_last_success_timestamp_seconds", "train", ""), 1_580_544_060.0);
    assert_eq!(of(&first, "mltrace_runs_total", "long", ",status=\"failed\""), 0.0, "so that the first is growth");
    assert_eq!(of(&first, "mltrace_open_runs", "long", ""), 1.0);
    open(Some("2020-05-01T00:00:10Z"));
    log(&server, "train", 1, |_| {});
    let second = scrape(&server).await;
    assert_eq!(of(&second, "mltrace_runs_total", "train", ",status=\"completed\""), 2.0);
    assert_eq!(of(&second, "mltrace_runs_total", "long", ",status=\"completed\""), 1.0);
    assert_eq!(second.matches("mltrace_runs_total{").count(), 8);
    assert!(value(&second, "mltrace_store_bytes{}") > 4_096.0);
    scrape_until(&server, "mltrace_open_runs{component=\"long\",owner=\"\"} 0.0").await;
}

#[tokio::test]
async fn what_was_there_when_the_server_started_is_no_growth_and_what_was_open_then_is_counted_when_it_ends() {
    let mut server = Server::new();
    log(&server, "train", 60, |_| {});
    let open = |end: Option<&str>| {
        let run = json!({"component": "long", "uuid": "0197f3c0-0000-7000-8000-000000000001",
                         "started_at": "2020-05-01T00:00:00Z", "ended_at": end});
        let run: RunReport = serde_json::from_value(run).unwrap();
        server.tracer.log_reports(vec![run]).unwrap().remove(0).unwrap();
    };
    open(None);
    server.tracer.task("tip").unwrap().log_outputs([("ride-1", 0.5), ("ride-2", 0.5)]).unwrap();
    server.app = app(&server.tracer, Config::default()).unwrap();
    let text = scrape_until(&server, "mltrace_outputs_total{task=\"tip\",owner=\"\"} 0").await;
    assert_eq!(value(&text, "mltrace_runs_total{component=\"train\",owner=\"science\",status=\"completed\"}"), 0.0);
    let success = "mltrace_last_success_timestamp_seconds{component=\"train\",owner=\"science\"}";
    assert_eq!(value(&text, success), 1_580_544_060.0);
    let run = json!({"component": "long", "uuid": "0197f3c0-0000-7000-8000-000000000001",
                     "started_at": "2020-05-01T00:00:00Z", "ended_at": "2020-05-01T00:00:10Z"});
    server.post("/v1/runs", &run).gives(201).await;
    server.tracer.task("tip").unwrap().log_output("ride-3", 0.5).unwrap();
    let text = scrape(&server).await;
    assert_eq!(value(&text, "mltrace_runs_total{component=\"long\",owner=\"\",status=\"completed\"}"), 1.0);
    assert_eq!(value(&text, "mltrace_outputs_total{task=\"tip\",owner=\"\"}"), 1.0);
}

#[tokio::test]
async fn outputs_are_counted_on_where_old_ones_were_removed_and_their_numbers_come_again() {
    let server = Server::new();
    let task = server.tracer.task("tip").unwrap();
    task.log_outputs([("ride-1", 0.5), ("ride-2", 0.5), ("ride-3", 0.5)]).unwrap();
    let outputs = |count: u32| format!("mltrace_outputs_total{{task=\"tip\",owner=\"\"}} {count}");
    scrape_until(&server, &outputs(3)).await;
    assert_eq!(server.tracer.gc(Utc::now()).collect().unwrap().outputs, 3);
    scrape(&server).await;
    task.log_outputs([("ride-4", 0.5), ("ride-5", 0.5)]).unwrap();
    scrape_until(&server, &outputs(5)).await;
}

#[tokio::test]
async fn an_output_is_counted_once_also_where_its_label_came_before_it() {
    let server = Server::new();
    let task = server.tracer.task("tip").unwrap();
    task.log_output("ride-1", 0.5).unwrap();
    task.log_feedback("ride-2", 1.0).unwrap();
    let outputs = |count: u32| format!("mltrace_outputs_total{{task=\"tip\",owner=\"\"}} {count}");
    scrape_until(&server, &outputs(1)).await;
    task.log_output("ride-2", 0.9).unwrap();
    scrape_until(&server, &outputs(2)).await;
    task.log_output("ride-1", 0.7).unwrap();
    task.log_output("ride-3", 0.1).unwrap();
    let text = scrape_until(&server, &outputs(3)).await;
    assert!(!text.contains("mltrace_output_bucket"), "there is no reference to take buckets from");
}

#[tokio::test]
async fn who_may_read_may_scrape_and_gets_open_metrics_where_that_is_accepted() {
    let server = Server::new();
    let token = server.token(Role::Read);
    server.get("/metrics").refuses(401).await;
    let accepted = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let answer = server.get("/metrics").bearer(&token).header("accept", accepted).send().await;
    assert_eq!(answer.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.text().ends_with("# EOF\n"));
}

#[tokio::test]
async fn who_was_turned_away_and_what_was_refused_is_counted() {
    let server = Server::with(Config { limits: Limits { requests: 1, ..Limits::default() }, ..Config::default() });
    let run = json!({"component": "a", "started_at": "2020-02-01T08:00:00Z", "ended_at": "2020-02-01T07:00:00Z"});
    server.post("/v1/runs", &json!([run, 7])).refuses(422).await;
    server.post("/v1/lineage", &json!({"run": 7})).send().await;
    let slow = tokio::spawn(server.post("/v1/runs", &run).body(Body::from_stream(Never)).send());
    // It takes its room when it is first polled.
    tokio::task::yield_now().await;
    server.get("/v1/runs").refuses(503).await;
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    let text = scrape(&server).await;
    assert_eq!(value(&text, "mltrace_refused_runs_total{}"), 3.0);
    assert_eq!(value(&text, "mltrace_turned_away_requests_total{}"), 1.0);
}

/// 100 components of an owner each, and a task whose reference has 20 columns, one of them the prediction.
fn pipeline(server: &Server, components: usize, columns: usize) {
    for component in 3..=components {
        log(server, &format!("stage-{component}"), 1, |run| {
            run.add_input("raw").add_output(format!("table-{component}"));
        });
    }
    train(server, columns, 1.0);
    infer(server, columns, "ride-0");
    let task = server.tracer.task("tip").unwrap();
    let at: DateTime<Utc> = "2020-02-01T09:00:00Z".parse().unwrap();
    let outputs = || scores(1.0).enumerate();
    let logged = |value: f64, nth: usize, at| Logged { id: format!("ride-{nth}"), value, at: Some(at) };
    task.log_outputs(outputs().map(|(nth, score)| logged(score, nth, at))).unwrap();
    task.log_feedbacks(outputs().map(|(nth, score)| logged(score.round(), nth, at + TimeDelta::hours(1)))).unwrap();
}

fn scores(most: f64) -> impl Iterator<Item = f64> {
    (0..400).map(move |row| most * f64::from(row * 37 % 101) / 101.0)
}

fn features(columns: usize) -> impl Iterator<Item = (String, Column)> {
    (1..columns).map(|column| (format!("column-{column}"), Column::floats(scores(1.0))))
}

fn train(server: &Server, columns: usize, most: f64) {
    log(server, "train", 60, |run| {
        run.add_input("table-3").add_output("forest.model");
        run.profile("features", features(columns)).unwrap();
        run.profile("validation", [("prediction", Column::floats(scores(most)))]).unwrap();
    });
}

fn infer(server: &Server, columns: usize, output: &str) {
    log(server, "infer", 60, |run| {
        run.add_input("forest.model").add_output_as(PointerType::Endpoint, output);
        run.profile("features", features(columns)).unwrap();
    });
}

#[tokio::test]
async fn of_a_hundred_components_and_twenty_columns_there_are_as_many_series_as_is_stated() {
    let server = Server::new();
    pipeline(&server, 100, 20);
    let text = scrape_until(&server, "mltrace_outputs_total{task=\"tip\",owner=\"science\"} 400").await;
    assert_eq!(value(&text, "mltrace_output_bucket{le=\"+Inf\",task=\"tip\",owner=\"science\"}"), 400.0);
    let accuracy = |window| {
        let labels = format!("task=\"tip\",owner=\"science\",window=\"{window}\"");
        let labelled = value(&text, &format!("mltrace_labelled_outputs{{{labels}}}"));
        (labelled, value(&text, &format!("mltrace_metric{{{labels},metric=\"accuracy\"}}")))
    };
    assert_eq!(["daily", "weekly", "rolling"].map(accuracy), [(400.0, 1.0); 3]);
    assert_eq!(text.matches("mltrace_drift_tolerance{").count(), 20);
    assert_eq!(text.matches("mltrace_output_percentile{").count(), 9);
    assert!(!text.contains("ride-"), "no id of an output is a label");
    let found = series(&text);
    println!("{found} series, {} bytes", text.len());
    promtool(&["check", "metrics"], &text);
    let of_component = 4 + 17 + 1 + 2 + 1; // statuses, a histogram of 15 buckets, a time, two counts of open runs, staleness
    let of_task = 1 + 24 + 1 + 9 + 1 + 2 * 3 + 39 + 1 + 1; // outputs, a histogram of at most 23 buckets, time, percentiles, mean, labels, metrics, severity, judged
    let stated = 100 * of_component + of_task + 20 * 5 + 6;
    println!("{of_component} of a component, {of_task} of a task and 5 of each of its columns");
    assert!(found <= stated && found > stated - 20, "{found} of {stated}");
}

/// As a task of the pipeline has it.
fn of_tip(name: &str) -> String {
    format!("{name}{{task=\"tip\",owner=\"science\"}}")
}

#[tokio::test]
async fn what_is_shown_of_a_task_is_what_the_library_answers() {
    let server = Server::new();
    pipeline(&server, 3, 4);
    let task = server.tracer.task("tip").unwrap();
    task.log_output("unlabelled", 7.0).unwrap();
    let text = scrape_until(&server, &format!("{} 401", of_tip("mltrace_outputs_total"))).await;
    let (_, last) = task.output_times().unwrap().unwrap();
    let shown = |name: &str, label: &str| value(&text, &format!("{name}{{task=\"tip\",owner=\"science\",{label}}}"));
    let day = task.outputs(Some(last - TimeDelta::days(1)), None).unwrap().values;
    for found in &day.percentiles {
        assert_eq!(shown("mltrace_output_percentile", &format!("percentile=\"{}\"", found.percent)), found.value);
    }
    assert_eq!(Some(value(&text, &of_tip("mltrace_output_mean"))), day.mean);
    let drift = task.drift().get().unwrap().report;
    assert_eq!(drift.columns.len(), 4);
    for column in &drift.columns {
        let shown = |name| shown(name, &format!("column=\"{}\"", column.column));
        assert_eq!(column.statistic.map(|_| shown("mltrace_drift_statistic")), column.statistic);
        assert_eq!(column.bound.map(|_| shown("mltrace_drift_bound")), column.bound);
        assert_eq!(shown("mltrace_drift_tolerance"), column.tolerance);
    }
    let all = task.metrics(Metric::F1).get().unwrap().remove(0);
    assert_eq!(Some(shown("mltrace_labelled_share", "window=\"rolling\"")), all.share_labelled);
    assert_eq!(shown("mltrace_labelled_outputs", "window=\"rolling\""), 400.0);
    let f1 = all.figure.and_then(Figure::number);
    assert_eq!(Some(shown("mltrace_metric", "window=\"rolling\",metric=\"f1\"")), f1);
}

#[tokio::test]
async fn a_metric_is_shown_of_the_last_day_that_is_told_of_the_week_that_ends_with_it_and_of_all() {
    let server = Server::new();
    let task = server.tracer.task("tip").unwrap();
    let log = |day: &str, label: f64| {
        let at: DateTime<Utc> = format!("{day}T12:00:00Z").parse().unwrap();
        task.log_outputs([(day, 1.0, at)]).unwrap();
        task.log_feedbacks([(day, label, at)]).unwrap();
    };
    for (day, label) in [("2020-01-01", 0.0), ("2020-01-08", 0.0), ("2020-01-14", 1.0)] {
        log(day, label);
    }
    let text = scrape_until(&server, "mltrace_outputs_total{task=\"tip\",owner=\"\"} 3").await;
    let accuracy = |window| {
        value(&text, &format!("mltrace_metric{{task=\"tip\",owner=\"\",window=\"{window}\",metric=\"accuracy\"}}"))
    };
    assert_eq!((accuracy("daily"), accuracy("weekly"), accuracy("rolling")), (1.0, 0.5, 1.0 / 3.0));
}

#[tokio::test]
async fn of_a_day_whose_labels_may_still_come_nothing_is_shown_alone() {
    let server = Server::new();
    let task = server.tracer.task("tip").unwrap();
    task.log_output("ride-1", 1.0).unwrap();
    task.log_feedback("ride-1", 0.0).unwrap();
    let text = scrape_until(&server, "mltrace_labelled_outputs{task=\"tip\",owner=\"\",window=\"rolling\"} 1.0").await;
    assert!(!text.contains("daily") && !text.contains("weekly"), "{text}");
}

#[tokio::test]
async fn a_component_shows_what_of_it_is_stale_and_lost() {
    let server = Server::new();
    server.run("clean", "raw", "rides");
    server.run("train", "rides", "forest");
    server.run("clean", "raw", "rides");
    // Its process has said nothing since.
    let process = json!({"uuid": "0197f3c0-0000-7000-8000-000000000001", "host": "gone", "pid": 1,
                         "started_at": "2020-01-01T00:00:00Z", "heartbeat_at": "2020-01-01T00:00:00Z"});
    let lost = json!({"type": "run", "uuid": "0197f3c0-0000-7000-8000-000000000002", "status": "running",
                      "started_at": "2020-01-01T00:00:00Z", "process": process,
                      "definition": {"component": "train", "states_metadata": false}});
    let header = json!({"type": "header", "format": 1, "program": "test"});
    server.tracer.import(&mut format!("{header}\n{lost}\n").as_bytes()).unwrap();
    let text = scrape(&server).await;
    let of = |name: &str, component: &str| value(&text, &format!("{name}{{component=\"{component}\",owner=\"\"}}"));
    assert_eq!((of("mltrace_stale_runs", "clean"), of("mltrace_stale_runs", "train")), (0.0, 1.0));
    assert_eq!((of("mltrace_lost_runs", "clean"), of("mltrace_lost_runs", "train")), (0.0, 1.0));
    assert_eq!(of("mltrace_open_runs", "train"), 0.0);
}

#[tokio::test]
async fn on_its_first_day_a_task_has_buckets_and_none_of_its_outputs_is_labelled() {
    let server = Server::new();
    train(&server, 2, 1.0);
    infer(&server, 2, "ride-1");
    server.tracer.task("tip").unwrap().log_output("ride-1", 0.5).unwrap();
    let text = scrape_until(&server, &format!("{} 1", of_tip("mltrace_output_count"))).await;
    let share = "mltrace_labelled_share{task=\"tip\",owner=\"science\",window=\"rolling\"}";
    assert_eq!(value(&text, share), 0.0);
    assert!(!text.contains("mltrace_output_sum"), "it could fall: outputs may be negative");
}

#[tokio::test]
async fn another_model_begins_another_histogram_and_no_other_count_of_outputs() {
    let server = Server::new();
    train(&server, 2, 1.0);
    infer(&server, 2, "ride-1");
    let task = server.tracer.task("tip").unwrap();
    task.log_outputs([("ride-1", 0.5), ("ride-2", 0.5)]).unwrap();
    scrape_until(&server, &format!("{} 2", of_tip("mltrace_output_count"))).await;
    train(&server, 2, 2.0);
    infer(&server, 2, "ride-3");
    task.log_output("ride-3", 0.5).unwrap();
    scrape_until(&server, "mltrace_output_bucket{le=\"+Inf\",task=\"tip\",owner=\"science\"} 0").await;
    task.log_output("ride-4", 0.5).unwrap();
    let text = scrape(&server).await;
    assert_eq!(value(&text, &of_tip("mltrace_outputs_total")), 4.0);
    assert_eq!(value(&text, &of_tip("mltrace_output_count")), 1.0);
}

#[tokio::test]
async fn a_task_keeps_its_owner_and_its_buckets_while_its_last_outputs_lead_to_no_model() {
    let server = Server::new();
    train(&server, 2, 1.0);
    infer(&server, 2, "ride-0");
    let task = server.tracer.task("tip").unwrap();
    task.log_output("ride-0", 0.5).unwrap();
    scrape_until(&server, &format!("{} 1", of_tip("mltrace_output_count"))).await;
    task.log_outputs((1..=1_000).map(|nth| (format!("ride-{nth}"), 0.5))).unwrap();
    assert!(task.training().is_err());
    let judged = "mltrace_labelled_share{task=\"tip\",owner=\"science\",window=\"rolling\"}";
    for _ in 0..5 {
        let text = scrape(&server).await;
        assert_eq!(value(&text, judged), 0.0);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scrape_until(&server, &format!("{} 1001", of_tip("mltrace_output_count"))).await;
}

#[test]
fn the_heat_map_is_drawn_for_each_task_for_each_has_buckets_of_its_own() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let map = panels.iter().find(|panel| panel["type"] == "heatmap").unwrap();
    assert_eq!(map["repeat"], "task");
    let places = panels.iter().map(|panel| ["y", "x", "h", "w"].map(|of| panel["gridPos"][of].as_u64().unwrap()));
    let places: Vec<_> = places.collect();
    for [y, x, h, w] in &places {
        let meets = |[b, a, d, c]: &&[u64; 4]| *a < x + w && x < &(a + c) && *b < y + h && y < &(b + d);
        assert_eq!(places.iter().filter(meets).count(), 1, "panels lie over one another");
    }
}

#[test]
fn the_rules_are_rules_by_which_an_owner_can_be_told() {
    promtool(&["check", "rules", "/dev/stdin"], RULES);
    assert_eq!(RULES.matches("- alert: ").count(), 8);
    assert!(!RULES.lines().any(|line| line.contains(" by (") && !line.contains("owner")));
}

/// What the rules make of series whose samples are a minute apart: which alerts fire at some minutes.
fn rules_fire(series: &[(&str, &str)], at: &[(u32, &[&str])]) {
    let folder = tempfile::tempdir().unwrap();
    let scraped = |of: &str| of.replace('}', ",owner=\"science\",job=\"mltrace\",instance=\"a\"}").replace("{,", "{");
    let input: Vec<_> = series.iter().map(|(of, values)| json!({"series": scraped(of), "values": values})).collect();
    let expected = at.iter().map(|(minute, alerts)| {
        let sample = |alert: &&str| json!({"labels": format!("{{alertname=\"{alert}\"}}"), "value": 1});
        json!({"expr": "count by (alertname) (ALERTS{alertstate=\"firing\"})", "eval_time": format!("{minute}m"),
               "exp_samples": alerts.iter().map(sample).collect::<Vec<_>>()})
    });
    let test = json!({"interval": "1m", "input_series": input, "promql_expr_test": expected.collect::<Vec<_>>()});
    // JSON is YAML.
    let tests = json!({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]});
    let path = folder.path().join("tests.yml");
    std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
    std::fs::write(&path, tests.to_string()).unwrap();
    promtool(&["test", "rules", path.to_str().unwrap()], "");
}

/// The metric `name` over a week and over all, for as long as anything here takes.
fn measured(name: &str, weekly: f64, rolling: f64, labelled: u32, alerts: &[&str]) {
    let metric = |window| format!("mltrace_metric{{task=\"tip\",window=\"{window}\",metric=\"{name}\"}}");
    let always = |value: f64| format!("{value}+0x200");
    rules_fire(
        &[
            (&metric("weekly"), &always(weekly)),
            (&metric("rolling"), &always(rolling)),
            // A Sunday.
            (&metric("daily"), &always(if weekly < 1.0 { 0.1 } else { 9.0 })),
            ("mltrace_labelled_outputs{task=\"tip\",window=\"weekly\"}", &always(labelled.into())),
        ],
        &[(30, &[]), (90, alerts)],
    );
}

#[test]
fn a_metric_that_falls_over_a_week_is_told_and_a_bad_day_or_a_handful_of_labels_is_not() {
    measured("f1", 0.52, 0.65, 1_000, &["MltraceMetricDrops"]);
    measured("f1", 0.60, 0.65, 1_000, &[]);
    measured("f1", 0.52, 0.65, 199, &[]);
    measured("mean_absolute_error", 4.0, 3.0, 200, &["MltraceErrorRises"]);
    measured("mean_absolute_error", 3.5, 3.0, 200, &[]);
    measured("mean_absolute_error", 4.0, 3.0, 199, &[]);
}

#[test]
fn a_run_is_told_as_lost_for_an_hour_and_not_because_it_was_when_nobody_looked() {
    const LOST: &[&str] = &["MltraceLostRuns"];
    let lost = |train: &str, store: &str, at: &[(u32, &[&str])]| {
        rules_fire(&[("mltrace_lost_runs{component=\"train\"}", train), ("mltrace_store_bytes{}", store)], at);
    };
    lost("2+0x29 3+0x200", "1+0x230", &[(20, &[]), (40, LOST), (80, LOST), (120, &[])]);
    // The first of its component.
    lost("_x89 1+0x200", "1+0x290", &[(80, &[]), (95, LOST), (140, LOST), (180, &[])]);
    // Long ago, when the server is watched for the first time, and again after a night.
    lost("3+0x9 _x599 3+0x200", "1+0x9 _x599 1+0x200", &[(5, &[]), (615, &[]), (680, &[]), (700, &[])]);
}

#[test]
fn drift_staleness_silence_and_what_is_not_judged_any_more_are_told() {
    let alert = |series: &str, values: &str, minute, alert: &str| {
        rules_fire(&[(series, values)], &[(minute, &[alert])]);
    };
    alert("mltrace_stale_runs{component=\"train\"}", "1+0x200", 90, "MltraceStale");
    alert("mltrace_drift_severity{task=\"tip\"}", "2+0x200", 30, "MltraceModelDrifts");
    alert("mltrace_drift_alarms{task=\"tip\",column=\"fare\"}", "1+0x200", 30, "MltraceColumnAlarms");
    alert("mltrace_last_output_timestamp_seconds{task=\"tip\"}", "0+0x1500", 1_450, "MltraceNoOutputs");
    alert("mltrace_judged_timestamp_seconds{task=\"tip\"}", "0+0x200", 180, "MltraceNotJudged");
    rules_fire(&[("mltrace_judged_timestamp_seconds{task=\"\"}", "0+60x200")], &[(180, &[])]);
}

//! What Prometheus scrapes.
#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::io::Write;
use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use mltrace_core::monitor::{Column, Logged};
use mltrace_core::{ComponentRun, PointerType, RunReport};
use mltrace_server::{RULES, Role};
use serde_json::json;

use crate::client::Server;

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

fn promtool(arguments: &[&str], input: &str) {
    let child = Command::new("promtool").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: there is no promtool here; it comes with the package `prometheus`");
        return;
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
    assert_eq!(of(&first, "mltrace_open_runs", "long", ""), 1.0);
    open(Some("2020-05-01T00:00:10Z"));
    log(&server, "train", 1, |_| {});
    let second = scrape(&server).await;
    assert_eq!(of(&second, "mltrace_runs_total", "train", ",status=\"completed\""), 2.0);
    assert_eq!(of(&second, "mltrace_open_runs", "long", ""), 0.0);
    assert_eq!(of(&second, "mltrace_runs_total", "long", ",status=\"completed\""), 1.0);
    assert_eq!(scrape(&server).await.matches("mltrace_runs_total{").count(), 3);
    assert!(value(&second, "mltrace_store_bytes{}") > 4_096.0 && value(&second, "mltrace_dropped_runs_total{}") == 0.0);
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

/// 100 components of an owner each, and a task whose reference has 20 columns, one of them the prediction.
fn pipeline(server: &Server, components: usize, columns: usize) {
    for component in 3..=components {
        log(server, &format!("stage-{component}"), 1, |run| {
            run.add_input("raw").add_output(format!("table-{component}"));
        });
    }
    let value = |row: u32, column: usize| f64::from((row * 37 + u32::try_from(column).unwrap() * 11) % 101) / 101.0;
    let named = |column: usize| format!("column-{column}");
    let features = move || {
        (1..columns).map(move |column| (named(column), Column::floats((0..400).map(move |row| value(row, column)))))
    };
    let scores = move || (0..400).map(move |row| value(row, 0));
    log(server, "train", 60, |run| {
        run.add_input("table-3").add_output("forest.model");
        run.profile("features", features()).unwrap();
        run.profile("validation", [("prediction", Column::floats(scores()))]).unwrap();
    });
    log(server, "infer", 60, |run| {
        run.add_input("forest.model").add_output_as(PointerType::Endpoint, "ride-0");
        run.profile("features", features()).unwrap();
    });
    let task = server.tracer.task("tip").unwrap();
    let at: DateTime<Utc> = "2020-02-01T09:00:00Z".parse().unwrap();
    let outputs = || scores().enumerate();
    let logged = |value: f64, nth: usize, at| Logged { id: format!("ride-{nth}"), value, at: Some(at) };
    task.log_outputs(outputs().map(|(nth, score)| logged(score, nth, at))).unwrap();
    task.log_feedbacks(outputs().map(|(nth, score)| logged(score.round(), nth, at + TimeDelta::hours(1)))).unwrap();
}

#[tokio::test]
async fn of_a_hundred_components_and_twenty_columns_there_are_as_many_series_as_is_stated() {
    let server = Server::new();
    pipeline(&server, 100, 20);
    let text = scrape_until(&server, "mltrace_outputs_total{task=\"tip\",owner=\"science\"} 400").await;
    assert_eq!(value(&text, "mltrace_output_bucket{le=\"+Inf\",task=\"tip\",owner=\"science\"}"), 400.0);
    assert_eq!(
        value(&text, "mltrace_metric{task=\"tip\",owner=\"science\",window=\"daily\",metric=\"accuracy\"}"),
        1.0
    );
    assert_eq!(text.matches("mltrace_drift_tolerance{").count(), 20);
    assert_eq!(text.matches("mltrace_output_percentile{").count(), 9);
    assert!(!text.contains("ride-"), "no id of an output is a label");
    let found = series(&text);
    println!("{found} series, {} bytes", text.len());
    promtool(&["check", "metrics"], &text);
    let of_component = 1 + 17 + 1 + 2 + 1; // one status, a histogram of 15 buckets, a time, two counts of open runs, staleness
    let of_task = 1 + 25 + 1 + 9 + 1 + 2 + 26 + 1; // outputs, a histogram of at most 23 buckets, time, percentiles, mean, shares, metrics, severity
    let stated = 100 * of_component + of_task + 20 * 5 + 2;
    assert!(found <= stated && found > stated - 15, "{found} of {stated}");
}

#[test]
fn the_rules_are_rules_by_which_an_owner_can_be_told() {
    promtool(&["check", "rules", "/dev/stdin"], RULES);
    assert_eq!(RULES.matches("- alert: ").count(), 7);
    assert!(!RULES.lines().any(|line| line.contains(" by (") && !line.contains("owner")));
}

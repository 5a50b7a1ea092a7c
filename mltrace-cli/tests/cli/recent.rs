use crate::cli::{Cli, assert_snapshot};
use crate::pipeline::{Store, at};

#[test]
fn the_last_runs_stand_in_a_table_with_their_errors() {
    assert_snapshot!(Cli::on(&Store::of_a_taxi_pipeline()).args("recent").succeeds());
}

#[test]
fn a_wide_screen_shows_ages_and_whole_names() {
    assert_snapshot!(Cli::on(&Store::of_a_taxi_pipeline()).args("recent").env("COLUMNS", "200").succeeds());
}

#[test]
fn no_line_is_wider_than_the_screen() {
    let store = Store::empty();
    store.log("a component with a long name", 0, 1, |run| {
        run.partition("a partition with a long name")
            .fail("an error that says much more than fits into a line ".repeat(3));
        run.add_output("a/path/that/is/so/long/that/it/cannot/fit/beside/all/the/rest.parquet");
    });
    let out = Cli::on(&store).args("recent").succeeds();
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert!(out.contains(".parquet"), "the end of a path tells it apart:\n{out}");
}

#[test]
fn a_number_limits_the_runs_and_json_says_that_there_are_more() {
    let store = Store::of_a_taxi_pipeline();
    let page = Cli::on(&store).args("recent 2").answers();
    let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|run| run["id"].clone()).collect();
    assert_eq!(ids, [8, 7]);
    assert!(page["next"].is_string());
    assert!(Cli::on(&store).args("recent 8").answers()["next"].is_null());
}

#[test]
fn an_empty_store_is_no_error() {
    let store = Store::empty();
    assert_eq!(Cli::on(&store).args("recent").succeeds(), "no runs yet\n");
    assert_eq!(Cli::on(&store).args("recent").answers(), serde_json::json!({"items": [], "next": null}));
}

#[test]
fn times_are_local_on_the_screen_and_utc_in_json() {
    let store = Store::empty();
    store.log("cleaning", 0, 1, |_| ());
    let out = Cli::on(&store).args("recent").env("TZ", "XXX-2").succeeds();
    assert!(out.contains("2020-05-01 08:00:00"), "{out}");
    let json = Cli::on(&store).args("recent").env("TZ", "XXX-2").answers();
    assert_eq!(json["items"][0]["started_at"], at(0).to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
}

#[test]
fn what_programs_wrote_cannot_steer_the_terminal() {
    let store = Store::empty();
    store.log("clean\u{1b}[2Jing", 0, 1, |run| {
        run.partition("a\nb").fail("\u{1b}]0;title\u{7}no rides").add_output("x\r\u{1b}[31my");
    });
    for command in ["recent", "inspect 1", "components"] {
        let out = Cli::on(&store).args(command).env("CLICOLOR_FORCE", "1").succeeds();
        for steering in ["\u{1b}[2J", "\u{1b}]", "\u{7}", "\r", "a\nb"] {
            assert!(!out.contains(steering), "{command} lets {steering:?} pass:\n{out:?}");
        }
    }
}

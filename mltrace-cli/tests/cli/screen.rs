use crate::cli::{Cli, end_of};
use crate::pipeline::Store;

const GREEN: &str = "\u{1b}[32mcompleted";
const RED: &str = "\u{1b}[31mfailed";

#[test]
fn a_pipe_gets_no_colours() {
    let out = Cli::on(&Store::of_a_taxi_pipeline()).args("recent").succeeds();
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn statuses_are_coloured_where_colours_are_shown() {
    let out = Cli::on(&Store::of_a_taxi_pipeline()).args("recent").env("CLICOLOR_FORCE", "1").succeeds();
    assert!(out.contains(GREEN) && out.contains(RED), "{out:?}");
}

#[test]
fn no_color_wins_over_all() {
    let store = Store::of_a_taxi_pipeline();
    let out = Cli::on(&store).args("recent").env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").succeeds();
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn json_is_never_coloured() {
    let out = Cli::on(&Store::of_a_taxi_pipeline()).args("recent --json").env("CLICOLOR_FORCE", "1").succeeds();
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn a_pipe_that_closes_early_ends_the_answer_quietly() {
    let store = Store::of_a_chain(1_000);
    for command in ["trace x1000", "trace x1000 --json", "recent 1000", "recent 1000 --json"] {
        let mut child = Cli::on(&store).args(command).starts();
        drop(child.stdout.take());
        assert_eq!(end_of(child), (0, String::new()), "{command}");
    }
}

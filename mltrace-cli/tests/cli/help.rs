use crate::cli::{Cli, assert_snapshot};

#[rustfmt::skip]
const COMMANDS: [&str; 35] = [
    "recent", "history", "inspect", "trace", "impact", "diff", "stale", "outputs", "metrics", "profile", "drift", "retrain", "flag", "unflag", "review", "components", "tags",
    "tag", "label", "labels", "retract", "retracted", "note", "verify", "gc", "export", "import", "doctor", "completions",
    "open", "serve", "token", "openlineage", "grafana", "prometheus-rules",
];

#[test]
fn the_help_names_every_command() {
    let help = Cli::bare().args("--help").succeeds();
    assert!(COMMANDS.iter().all(|command| help.contains(&format!("\n  {command} "))), "{help}");
    assert_snapshot!(help);
}

#[test]
fn the_help_of_each_command_has_an_example_of_it() {
    for command in COMMANDS {
        let help = Cli::bare().args(command).arg("--help").succeeds();
        assert!(help.contains("Example") && help.contains(&format!("\n  mltrace {command}")), "{help}");
    }
}

#[test]
fn following_says_in_its_help_what_json_looks_like() {
    let help = Cli::bare().args("recent --help").succeeds();
    assert!(help.contains("with --json one object a line"), "{help}");
}

#[test]
fn no_arguments_at_all_are_answered_with_the_help() {
    let help = Cli::bare().fails(2);
    assert!(help.contains("Usage: mltrace"), "{help}");
}

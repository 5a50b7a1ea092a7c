//! `cargo xtask test`: fetches the programs that the tests meet mltrace with, as far as they can be had here, and runs all
//! tests. Tests whose program is missing say so and pass, which is what `cargo test --workspace` does without this.

mod peers;

use std::env;
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask test [ARGUMENTS OF CARGO TEST]\n       cargo xtask peers";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let Some((task, rest)) = arguments.split_first() else { return usage() };
    match task.to_str() {
        Some("test") => {
            let peers = peers::fetch();
            let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let tested = Command::new(cargo).args(["test", "--workspace"]).args(rest).env("PATH", &peers.path).status();
            // Once more, as what stands above the tests is far up by now.
            peers.tell();
            match tested {
                Ok(status) if status.success() => ExitCode::SUCCESS,
                Ok(_) => ExitCode::FAILURE,
                Err(error) => {
                    eprintln!("error: cargo cannot be started: {error}");
                    ExitCode::FAILURE
                }
            }
        }
        Some("peers") if rest.is_empty() => {
            peers::fetch().tell();
            ExitCode::SUCCESS
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

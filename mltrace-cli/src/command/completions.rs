use std::io::Write;

use clap::CommandFactory;

use crate::failure::Failure;
use crate::opt::{Completions, Opt};

pub(crate) fn run(opt: &Completions, out: &mut dyn Write) -> Result<(), Failure> {
    // By way of memory: the generator panics where it cannot write, as into a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(opt.shell, &mut Opt::command(), "mltrace", &mut script);
    Ok(out.write_all(&script)?)
}

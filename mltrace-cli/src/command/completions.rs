use std::io::Write;

use crate::complete;
use crate::failure::Failure;
use crate::opt::Completions;

/// The script asks this program again at each key press, because only that knows the names in the store.
pub(crate) fn run(opt: &Completions, out: &mut dyn Write) -> Result<(), Failure> {
    // By way of memory: what cannot be written is told as for any other command.
    let mut script = Vec::new();
    opt.shell.completer().write_registration(complete::VARIABLE, "mltrace", "mltrace", "mltrace", &mut script)?;
    Ok(out.write_all(&script)?)
}

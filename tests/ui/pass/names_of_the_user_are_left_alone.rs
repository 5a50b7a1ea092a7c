//! Nothing that the expansion names can be hidden by what the user names, and nothing of it can be seen.
#![deny(warnings)]
#![allow(dead_code, non_upper_case_globals)]

use mltrace::component;

enum Option {
    Some,
    None,
}
enum Result {
    Ok,
    Err,
}
use Option::*;
use Result::*;

struct Run;
struct Outcome;
static META: u8 = 1;
mod mltrace_core {}

trait Everything: Sized {
    fn ended(&self) -> u8 {
        1
    }
    fn value(&self) -> u8 {
        2
    }
    fn bind(&self) -> u8 {
        3
    }
    fn finish(self) -> u8 {
        4
    }
}
impl<T> Everything for T {}

#[component(inputs(run, "table"), outputs(ret, return), params(ended, value))]
fn names(run: &str, ended: u8) -> std::result::Result<String, String> {
    let value = META + ended;
    let ret = format!("{run}{value}");
    let (path, meta, span) = (Run, Outcome, 0.ended());
    let _ = (path, meta, span, Some, None, Ok, Err);
    std::result::Result::Ok(ret)
}

#[component(inputs(run), outputs(ret, return))]
async fn names_async(run: &str) -> std::string::String {
    let ret = run.to_owned();
    ret
}

fn main() {
    let _guard = mltrace::scoped(&mltrace::Tracer::in_memory().unwrap());
    names("run", 1).unwrap();
    let _ = names_async("run");
}

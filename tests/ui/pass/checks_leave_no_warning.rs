//! A parameter or run that only a check uses counts as used, and checks see what the edition before saw.
#![deny(warnings)]

use mltrace::{check, component};

#[component(before(rows > 0, known(&format!("{month:02}"))), after(ret.is_some()))]
fn train(rows: u8, mut month: u8) -> Option<u8> {
    month += 1;
    Some(month)
}

#[component(before(run.uuid().is_some(), limit > 1), run = run)]
fn only_in_checks(limit: usize) {}

#[component(blocking, deny_retracted, inputs(raw), before({ raw.len() > 1 }, raw.len() > 2), after(ret.is_ok()))]
async fn serve(raw: &str) -> Result<usize, Box<dyn std::error::Error>> {
    Ok(std::future::ready(1).await)
}

#[component(before(check::unique([raw.len(), 1])), after(ret.as_ref().is_none_or(|last| raw.ends_with(*last))))]
fn last<'a>(raw: &'a str) -> Option<&'a str> {
    raw.lines().last()
}

fn known(month: &str) -> bool {
    month.len() == 2
}

fn main() {
    train(1, 2);
    only_in_checks(1);
    drop(serve("rides"));
    last("rides");
}

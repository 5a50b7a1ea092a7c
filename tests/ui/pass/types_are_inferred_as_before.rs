//! The return type is told to the body, so that what needs it to be inferred still is.
#![deny(warnings)]

use std::collections::BTreeMap;
use std::error::Error;

use mltrace::component;

#[component]
fn collected(text: &str) -> Vec<usize> {
    text.lines().map(|line| line.len()).collect()
}

#[component]
async fn converted(text: &str) -> Result<BTreeMap<u8, u8>, Box<dyn Error>> {
    if text.is_empty() {
        return Err("empty".into());
    }
    let key = text.parse()?;
    Ok([(key, Default::default())].into())
}

#[component]
fn coerced() -> Box<dyn Fn(&str) -> usize> {
    Box::new(|text| text.len())
}

#[component]
fn borrowed<'a>(texts: &'a [String], prefix: &str) -> Option<&'a str> {
    texts.iter().map(String::as_str).find(|text| text.starts_with(prefix))
}

#[component]
fn diverges(fail: bool) -> u8 {
    if fail {
        return Default::default();
    }
    loop {
        break 1;
    }
}

fn main() {
    let _guard = mltrace::scoped(&mltrace::Tracer::in_memory().unwrap());
    collected("a");
    let _ = converted("1");
    let _ = coerced();
    borrowed(&[], "a");
    diverges(true);
}

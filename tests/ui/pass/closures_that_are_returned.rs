//! A closure's parameters cannot be inferred from the return type: their types are written, or the type of the closure is.
#![deny(warnings)]

use mltrace::component;

#[component]
fn length() -> impl Fn(&str) -> usize {
    |text: &str| text.len()
}

#[component]
fn trimmed() -> Box<dyn Fn(&str) -> &str> {
    Box::new(|text| text.trim())
}

#[component]
fn trimmed_by_name() -> impl Fn(&str) -> &str {
    str::trim
}

fn main() {
    let _guard = mltrace::scoped(&mltrace::Tracer::in_memory().unwrap());
    length()("a");
    trimmed()("a");
    trimmed_by_name()("a");
}

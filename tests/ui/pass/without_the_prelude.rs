//! The expansion asks nothing of the module it stands in.
#![no_implicit_prelude]
#![deny(warnings)]

use ::mltrace::component;

#[component(owner = "data-team", inputs(raw), outputs(return), params(month), partition = month, run = run)]
fn clean(raw: &str, month: u8) -> ::std::result::Result<::std::string::String, ::std::fmt::Error> {
    run.metric("month", ::std::convert::Into::into(month));
    ::std::result::Result::Ok(::std::convert::Into::into(raw))
}

#[component(inputs(raw))]
async fn serve(raw: &str) -> usize {
    raw.len()
}

fn main() {
    let tracer = ::mltrace::Tracer::in_memory();
    let _guard = ::std::result::Result::ok(tracer).as_ref().map(::mltrace::scoped);
    ::std::mem::drop(clean("rides", 1));
    ::std::mem::drop(serve("rides"));
}

//! What stands between the brackets of `#[component(..)]`, and a function below it, are expanded: to a function or to
//! errors, which both must be Rust. The modules of the macro are taken in, because a procedural macro exports none.

#![no_main]

extern crate proc_macro;

use libfuzzer_sys::fuzz_target;
use proc_macro2::TokenStream;

#[path = "../../mltrace-macros/src/args.rs"]
mod args;
#[path = "../../mltrace-macros/src/bindings.rs"]
mod bindings;
#[path = "../../mltrace-macros/src/checks.rs"]
mod checks;
#[path = "../../mltrace-macros/src/component.rs"]
mod component;
#[path = "../../mltrace-macros/src/expand.rs"]
mod expand;
#[path = "../../mltrace-macros/src/function.rs"]
mod function;
#[path = "../../mltrace-macros/src/parameters.rs"]
mod parameters;
#[path = "../../mltrace-macros/src/snapshot.rs"]
mod snapshot;

fuzz_target!(|text: &str| {
    let (args, function) = text.split_once('\n').unwrap_or((text, "fn clean(raw: &str) -> usize { raw.len() }"));
    let (Ok(args), Ok(function)) = (args.parse::<TokenStream>(), function.parse::<TokenStream>()) else { return };
    let is_function = syn::parse2::<syn::ItemFn>(function.clone()).is_ok();
    let expanded = expand::component(args, function);
    if is_function {
        syn::parse2::<syn::File>(expanded.clone()).unwrap_or_else(|error| panic!("{error}: {expanded}"));
    }
});

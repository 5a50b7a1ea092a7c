//! The `#[component]` attribute of [mltrace](https://docs.rs/mltrace).
//!
//! Use it through the `mltrace` crate, which re-exports it beside the runtime that its expansion calls.

mod args;
mod bindings;
mod component;
mod expand;
mod function;
mod snapshot;

/// Records every call of the function as a run of a component.
///
/// ```
/// use std::io;
/// use std::path::{Path, PathBuf};
///
/// use mltrace::component;
///
/// /// Drops rides without a fare.
/// #[component(owner = "data-team", tags("etl"), inputs(raw), outputs(clean), params(month))]
/// fn clean_data(raw: &Path, month: u8) -> io::Result<PathBuf> {
///     let rides = std::fs::read_to_string(raw)?;
///     let clean = raw.with_file_name(format!("clean-{month}.csv"));
///     std::fs::write(&clean, rides.replace(",0.00", ""))?;
///     Ok(clean)
/// }
/// # let tracer = mltrace::Tracer::in_memory()?;
/// # let _guard = mltrace::scoped(&tracer);
///
/// assert!(clean_data(Path::new("no/such/rides.csv"), 1).is_err());
/// let run = &tracer.recent(1)?.items[0];
/// assert_eq!(run.component, "clean_data");
/// assert_eq!(run.status, mltrace::Status::Failed);
/// # Ok::<(), mltrace::Error>(())
/// ```
///
/// # Arguments
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `name = "cleaning"` | the component's name | the function's name |
/// | `owner = ".."` | who answers for it | none |
/// | `description = ".."` | what it does | the first line of the doc comment |
/// | `tags("a", "b")` | what it is found by | none |
/// | `inputs(..)`, `outputs(..)` | what is read and written | none |
/// | `params(a, b)` | parameters or bindings whose value (`Serialize`) is kept as JSON | none |
/// | `partition = month` | a parameter or binding (`Display`) that splits the component's runs | none |
/// | `endpoint` | outputs are of pointer type `endpoint` | off |
/// | `stale_after = "30d"` | the age after which a run is old: a whole number and `s`, `m`, `h`, `d` or `w` | never |
/// | `run = run` | binds `run: &Run` in the body | not bound |
/// | `crate = path` | where the runtime crate is | `::mltrace` |
///
/// An item of `inputs` or `outputs` is the name of a parameter or of a `let` binding anywhere in the body, a
/// `"literal name"`, or (outputs only) `return`: of a `Result` the `Ok` value. `data(x)`, `model(x)` and
/// `endpoint(x)` give the pointer type. The value implements `Capture`; numbers do not, they are parameters.
///
/// # Which binding a name means
///
/// A parameter, if there is one of that name; it is recorded when the function is entered. Else the bindings of
/// that name at the shallowest block depth at which it occurs, each recorded right after it is bound; branches and
/// arms of equal depth all count. A binding inside a loop records every value, elsewhere a later one replaces an
/// earlier one. An output must not end as `mut`: `let out = out;` says when it is final. Bindings made by macros
/// cannot be seen, and those inside closures, async blocks and nested items are not followed: there,
/// `run.output(&out)` records by hand.
#[proc_macro_attribute]
pub fn component(args: proc_macro::TokenStream, function: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::component(args.into(), function.into()).into()
}

//! The `#[component]` attribute of [mltrace](https://docs.rs/mltrace).
//!
//! Use it through the `mltrace` crate, which re-exports it beside the runtime that its expansion calls.

mod args;
mod bindings;
mod checks;
mod component;
mod expand;
mod function;
mod parameters;
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
/// | `labels(customer, "eu")` | labels for every input: parameters or bindings (`Display`), or texts | none |
/// | `before(..)`, `after(..)` | checks, made before the body and after it | none |
/// | `blocking` | a check in `before` that fails keeps the body from running | off |
/// | `deny_retracted` | an input that carries a retracted label keeps the body from running | off |
/// | `endpoint` | outputs are of pointer type `endpoint` | off |
/// | `stale_after = "30d"` | the age after which a run is old: a whole number and `s`, `m`, `h`, `d` or `w` | never |
/// | `buffered` | a run is queued when it ends and committed soon after, in the background | committed when the function returns |
/// | `run = run` | binds `run: &Run` in the body | not bound |
/// | `crate = path` | where the runtime crate is | `::mltrace` |
///
/// An item of `inputs` or `outputs` is the name of a parameter or of a binding in the body (of a `let` or any other
/// pattern), a `"literal name"`, or (outputs only) `return`: of a `Result` the `Ok` value. `data(x)`, `model(x)` and
/// `endpoint(x)` give the pointer type. The value implements `Capture`; numbers do not, they are parameters. Names
/// have at most 4,096 bytes.
///
/// # Which binding a name means
///
/// A parameter, if there is one of that name; it is recorded when the function is entered, and bindings of the name
/// in the body are ignored. Else the bindings of that name at the shallowest block depth at which it occurs, each
/// recorded right after it is bound; branches and arms of equal depth all count, and deeper bindings are ignored. An
/// arm is one level with the block, `if` or `match` that is its body.
///
/// Outside of loops a later binding replaces the earlier ones. A binding inside a loop records every value, except
/// that one which hides another in the same round replaces it. Literals and what `run` records by hand always stay.
///
/// An output must not end as `mut`, for then it may change after it is recorded: `let out = out;` says when it is
/// final. Nor may it be a `&mut` parameter or be bound to a `&mut`: return what was written and name `return`, or
/// call `run.output(&out)` at the end. That call is also for bindings made by macros, which cannot be seen, and for
/// those inside closures, async blocks and nested items, which are not followed.
///
/// # Checks
///
/// A check is an expression that gives `bool` or `Result<(), E>` with an error that can be shown; its source text is its
/// name, or what stands before it as in `name = expr`. Results are recorded on the run, in the order in which the checks
/// ran. A check that fails, or panics, changes nothing else. [`mltrace::check`](https://docs.rs/mltrace/latest/mltrace/check)
/// has those that everyone writes.
///
/// `before` sees the parameters. `after` sees the returned value as `ret: &ReturnType`, whatever it is, and of the
/// parameters those whose type is written as a shared reference: others may have been moved. Both see the run, if
/// `run = run` binds it, and can ask it for the runs before. What the body binds they do not see: `run.check(name, result)`
/// is for that, and for what is awaited.
///
/// ```
/// use mltrace::{CheckStatus, Run, check, component};
///
/// /// Whether the mean of the fares lies within 20 % of the last ten runs'.
/// fn is_usual(run: &Run, fares: &[f64]) -> Result<(), String> {
///     let last: Vec<f64> = run.history(10).iter().filter_map(|run| run.metrics.get("mean").copied()).collect();
///     let (mean, usual) = (mean(fares), mean(&last));
///     let is_far = !last.is_empty() && (mean - usual).abs() > 0.2 * usual.abs();
///     if is_far { Err(format!("{mean}, usually {usual}")) } else { Ok(()) }
/// }
///
/// fn mean(values: &[f64]) -> f64 {
///     values.iter().sum::<f64>() / values.len() as f64
/// }
///
/// #[component(
///     before(check::in_range(fares, 0.0..=500.0), usual_mean = is_usual(run, fares)),
///     after(ret.len() == fares.len()),
///     run = run
/// )]
/// fn tips(fares: &[f64]) -> Vec<f64> {
///     run.metric("mean", mean(fares));
///     fares.iter().map(|fare| fare * 0.2).collect()
/// }
/// # let tracer = mltrace::Tracer::in_memory()?;
/// # let _guard = mltrace::scoped(&tracer);
///
/// tips(&[2.0, 4.0]);
/// tips(&[8.0, 9.0]);
/// let failed = tracer.checks("tips").status(CheckStatus::Failed).get()?.items;
/// assert_eq!(failed.len(), 1);
/// assert_eq!(failed[0].check.name, "usual_mean");
/// assert_eq!(failed[0].check.message.as_deref(), Some("8.5, usually 3"));
/// # Ok::<(), mltrace::Error>(())
/// ```
///
/// With `blocking` the function waits for the checks in `before`: if one fails, the body does not run, the function
/// returns `Err(From::from(error))` with an `mltrace::Error` of kind `CheckFailed`, and the run is recorded as failed, with
/// the checks' names. `after` is not evaluated then. So the function must return a `Result` whose error is
/// `From<mltrace::Error>`, such as `anyhow::Error` or `Box<dyn Error>`.
///
/// `deny_retracted` does the same, before any check, where an input that is known at entry (a parameter or a text, not a
/// binding in the body) carries a retracted label; the kind is `Retracted`. Such a run has read nothing, so it is recorded
/// without inputs, and its error names what was denied. It also refuses where the store is open and does not tell, say because
/// it is damaged: a guard that could not look must not let data pass. That is the one place where trouble with the store
/// reaches a traced function, and only where it is asked for. Where no store can be opened, runs are not recorded, an event
/// says so, and nothing is denied.
///
/// With `MLTRACE_DISABLED=1`, and with the crate feature `off`, there is no run, so there are no checks: nothing is
/// evaluated, blocked or denied. What must hold in any case belongs in the body.
///
/// # What becomes of the function
///
/// It is called as before, and its body does what it did. Parameters drop in their usual order, before the run ends;
/// one that is `_` drops after it, for nothing can take it in. A body that is nothing but `Box::pin(async move { .. })`
/// is traced as the `async fn` it stands for.
///
/// The body runs in a closure (or an async block), which is told the return type where that can be said. `impl Trait`
/// cannot: a closure returned as `impl Fn(&str) -> usize` states the types of its parameters, as in
/// `|text: &str| text.len()`, and one that returns what it borrows is returned as `Box<dyn Fn(&str) -> &str>`.
///
/// Refused are a `const fn`, a C-variadic, a function without a body, one that returns a future without being
/// `async`, and `#[track_caller]`, which would tell of the closure's caller.
#[proc_macro_attribute]
pub fn component(args: proc_macro::TokenStream, function: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::component(args.into(), function.into()).into()
}

/// In the edition of 2021 what the last expression of a body borrows drops after the body's locals; parameters outlive it.
///
/// ```edition2021
/// use std::sync::{Arc, Mutex};
///
/// #[mltrace::component]
/// fn count(state: Arc<Mutex<Vec<u8>>>) -> usize {
///     state.lock().unwrap().len()
/// }
///
/// #[mltrace::component]
/// async fn count_later(state: Arc<Mutex<Vec<u8>>>) -> usize {
///     state.lock().unwrap().len()
/// }
///
/// let tracer = mltrace::Tracer::in_memory()?;
/// let _guard = mltrace::scoped(&tracer);
/// assert_eq!(count(Arc::default()), 0);
/// assert_eq!(tracer.recent(9)?.items.len(), 1);
/// # Ok::<(), mltrace::Error>(())
/// ```
#[cfg(doctest)]
struct EarlierEditions;

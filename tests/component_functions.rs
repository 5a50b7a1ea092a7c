//! Every kind of function can be a component, behaves as it did, and brings no warning with it.
#![cfg(not(feature = "off"))]
#![deny(warnings, clippy::all, clippy::pedantic)]

mod component_support;

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use component_support::{block_on, inputs, one_poll_later, outputs, recorded, recorded_once};
use mltrace::{Status, component};

struct Pipeline {
    name: String,
    stages: Vec<String>,
}

impl Pipeline {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), stages: Vec::new() }
    }

    #[component(inputs(stage), outputs(return))]
    fn add(&mut self, stage: &str) -> &mut String {
        self.stages.push(stage.to_owned());
        let last = self.stages.len() - 1;
        &mut self.stages[last]
    }

    #[component(params(at), outputs(return))]
    fn stage(&self, at: Option<usize>) -> &str {
        at.map_or(&self.name, |at| &self.stages[at])
    }

    #[component(outputs(return))]
    fn into_name(mut self) -> String {
        self.name.push_str(".pipeline");
        self.name
    }

    #[component(inputs(raw), outputs(return))]
    async fn run<'a>(&'a self, raw: &'a str) -> Result<&'a str, io::Error> {
        one_poll_later().await;
        if raw.is_empty() { Err(io::Error::other("nothing to read")) } else { Ok(&self.name) }
    }
}

#[test]
fn methods_with_any_self_work_as_before() {
    let mut pipeline = Pipeline::new("taxi");
    let runs = recorded(|| {
        pipeline.add("clean").push_str("ing");
        assert_eq!(pipeline.stage(None), "taxi");
        assert_eq!(block_on(pipeline.run("rides.csv")).expect("a name"), "taxi");
        assert_eq!(pipeline.stages, ["cleaning"]);
        assert_eq!(pipeline.into_name(), "taxi.pipeline");
    });
    let components: Vec<_> = runs.iter().map(|run| run.component.as_str()).collect();
    assert_eq!(components, ["add", "stage", "run", "into_name"]);
    assert_eq!(outputs(&runs[0]), ["clean"]);
    assert_eq!(outputs(&runs[1]), ["taxi"]);
    assert_eq!((inputs(&runs[2]), outputs(&runs[2])), (vec!["rides.csv".to_owned()], vec!["taxi".to_owned()]));
    assert_eq!(outputs(&runs[3]), ["taxi.pipeline"]);
}

trait Stage {
    fn folder(&self) -> &str;

    #[component(name = "provided", inputs(raw), outputs(clean))]
    fn clean(&self, raw: &str) -> String {
        let clean = format!("{}/{raw}", self.folder());
        clean
    }

    #[component(outputs(return))]
    async fn serve(&self) -> String {
        one_poll_later().await;
        self.folder().to_owned()
    }
}

impl Stage for str {
    fn folder(&self) -> &str {
        self
    }
}

#[test]
fn a_method_with_a_default_in_a_trait_is_traced_also_for_unsized_types() {
    let runs = recorded(|| {
        assert_eq!("clean".clean("rides.csv"), "clean/rides.csv");
        assert_eq!(block_on("clean".serve()), "clean");
    });
    assert_eq!(runs[0].component, "provided");
    assert_eq!((inputs(&runs[0]), outputs(&runs[0])), (vec!["rides.csv".into()], vec!["clean/rides.csv".into()]));
    assert_eq!(outputs(&runs[1]), ["clean"]);
}

#[component(inputs(files), outputs(names))]
fn generic<T, const N: usize>(files: [T; N]) -> Vec<String>
where
    T: AsRef<str> + mltrace::Capture,
{
    let names: Vec<String> = files.iter().map(|file| file.as_ref().to_uppercase()).collect();
    names
}

#[component(outputs(all))]
fn lines(text: &str, keep: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    let all: Vec<String> = text.lines().filter(|line| keep(line)).map(str::to_owned).collect();
    all.into_iter()
}

#[component(outputs(return))]
fn fallible_iterator(fail: bool) -> Result<impl mltrace::Capture + IntoIterator<Item = String>, String> {
    if fail {
        return Err("asked to fail".to_owned());
    }
    Ok(vec!["a".to_owned(), "b".to_owned()])
}

#[test]
fn generics_and_impl_trait_work() {
    assert_eq!(outputs(&recorded_once(|| assert_eq!(generic(["a", "b"]), ["A", "B"]))), ["A", "B"]);
    let run = recorded_once(|| assert_eq!(lines("a\n\nb", |line| !line.is_empty()).count(), 2));
    assert_eq!(outputs(&run), ["a", "b"]);
    let run = recorded_once(|| assert_eq!(fallible_iterator(false).expect("two").into_iter().count(), 2));
    assert_eq!(outputs(&run), ["a", "b"]);
    let run = recorded_once(|| assert!(fallible_iterator(true).is_err()));
    assert_eq!((run.status, run.outputs.len()), (Status::Failed, 0));
}

/// # Safety
///
/// `first` must point to a readable byte.
#[expect(unsafe_code, reason = "the subject of the test")]
#[component(inputs(table))]
unsafe fn dangerous(table: &str, first: *const u8) -> usize {
    let byte = unsafe { *first };
    table.len() + usize::from(byte)
}

#[test]
#[expect(unsafe_code, reason = "the subject of the test")]
fn an_unsafe_fn_stays_unsafe_and_is_traced() {
    let byte = 7;
    let run = recorded_once(|| assert_eq!(unsafe { dangerous("rides", &raw const byte) }, 12));
    assert_eq!(inputs(&run), ["rides"]);
}

macro_rules! bail {
    ($($message:tt)*) => {
        return Err(format!($($message)*).into())
    };
}

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[component(inputs(raw), outputs(clean))]
fn clean(raw: &Path, month: &str) -> Outcome<PathBuf> {
    if month.is_empty() {
        bail!("no month given");
    }
    let month: u8 = month.parse()?;
    if month == 0 {
        return Ok(raw.to_owned());
    }
    let clean = raw.with_extension(month.to_string());
    Ok(clean)
}

#[test]
fn early_returns_question_marks_and_bails_leave_as_before() {
    let raw = Path::new("/data/rides.csv");
    let run = recorded_once(|| assert_eq!(clean(raw, "3").expect("a path"), Path::new("/data/rides.3")));
    assert_eq!((run.status, outputs(&run)), (Status::Completed, vec!["/data/rides.3".to_owned()]));
    let run = recorded_once(|| assert_eq!(clean(raw, "0").expect("a path"), raw));
    assert_eq!((run.status, run.outputs.len()), (Status::Completed, 0));
    for (month, message) in [("", "no month given"), ("x", "invalid digit found in string")] {
        let run = recorded_once(|| assert_eq!(clean(raw, month).expect_err("a message").to_string(), message));
        assert_eq!((run.status, run.error.as_deref()), (Status::Failed, Some(message)));
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[component(inputs(raw), outputs(clean, return), params(month), partition = month, run = run)]
async fn fetch(raw: String, month: u8) -> Outcome<String> {
    one_poll_later().await;
    let clean = format!("{raw}.clean");
    one_poll_later().await;
    run.metric("rows", 2.0);
    let stored: Outcome<String> = async { Ok(format!("{clean}.stored")) }.await;
    let stored = stored?;
    one_poll_later().await;
    Ok(stored)
}

#[test]
fn an_async_fn_is_one_run_and_its_future_stays_send() {
    let run = recorded_once(|| {
        let future = is_send(fetch("rides".to_owned(), 3));
        assert_eq!(block_on(future).expect("a name"), "rides.clean.stored");
    });
    assert_eq!(inputs(&run), ["rides"]);
    assert_eq!(outputs(&run), ["rides.clean", "rides.clean.stored"]);
    assert_eq!((run.partition.as_deref(), run.metrics["rows"]), (Some("3"), 2.0));
}

#[component]
async fn with_what_is_not_send(rc: std::rc::Rc<u8>) -> u8 {
    one_poll_later().await;
    *rc
}

#[test]
fn a_future_that_is_not_send_needs_not_to_be() {
    assert_eq!(recorded(|| assert_eq!(block_on(with_what_is_not_send(7.into())), 7)).len(), 1);
}

/// What crates make of an `async fn` in a trait that is to be an object.
trait Service {
    fn call<'a>(&'a self, request: &'a str) -> Pin<Box<dyn Future<Output = Outcome<String>> + Send + 'a>>;
}

impl Service for Pipeline {
    #[component(inputs(request), outputs(answer), run = run)]
    fn call<'a>(&'a self, request: &'a str) -> Pin<Box<dyn Future<Output = Outcome<String>> + Send + 'a>> {
        Box::pin(async move {
            let this = self;
            let request = request;
            run.note("called");
            one_poll_later().await;
            if request.is_empty() {
                return Err("empty request".into());
            }
            let answer = format!("{}:{request}", this.name);
            Ok(answer)
        })
    }
}

#[test]
fn a_boxed_async_block_is_traced_to_its_end() {
    let pipeline = Pipeline::new("taxi");
    let service: &dyn Service = &pipeline;
    let run = recorded_once(|| assert_eq!(block_on(is_send(service.call("tip"))).expect("an answer"), "taxi:tip"));
    assert_eq!((inputs(&run), outputs(&run)), (vec!["tip".to_owned()], vec!["taxi:tip".to_owned()]));
    assert_eq!(run.notes[0].text, "called");
    let run = recorded_once(|| assert!(block_on(service.call("")).is_err()));
    assert_eq!((run.status, run.error.as_deref()), (Status::Failed, Some("empty request")));
}

/// What middleware asks of a service: the future is named by an alias, behind an associated type.
trait Callable {
    type Future: Future;

    fn call(&mut self, request: u8) -> Self::Future;
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Callable for Pipeline {
    type Future = Boxed<'static, Result<u8, String>>;

    #[component(params(request), outputs(answer))]
    fn call(&mut self, request: u8) -> Self::Future {
        Box::pin(async move {
            one_poll_later().await;
            let request = request.checked_add(1).ok_or("too big")?;
            let answer = "answer";
            drop(answer.to_owned());
            Ok(request)
        })
    }
}

#[component]
fn boxed_by_an_alias(text: &str) -> Boxed<'_, Result<u8, std::num::ParseIntError>> {
    Box::pin(async move {
        let number = text.parse()?;
        Ok(number)
    })
}

#[test]
fn a_boxed_async_block_is_traced_also_where_its_type_is_named_elsewhere() {
    let mut pipeline = Pipeline::new("taxi");
    let run = recorded_once(|| assert_eq!(block_on(is_send(Callable::call(&mut pipeline, 1))), Ok(2)));
    assert_eq!((run.status, outputs(&run)), (Status::Completed, vec!["answer".to_owned()]));
    let run = recorded_once(|| assert!(block_on(Callable::call(&mut pipeline, 255)).is_err()));
    assert_eq!((run.status, run.error.as_deref()), (Status::Failed, Some("too big")));
    let run = recorded_once(|| assert!(block_on(boxed_by_an_alias("x")).is_err()));
    assert_eq!(run.status, Status::Failed);
}

thread_local! {
    static DROPPED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Tells when it is dropped, and whether in a run: what is called there knows the run it is in.
struct Tells(&'static str);

impl Drop for Tells {
    fn drop(&mut self) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
        dropped();
    }
}

#[component]
fn dropped() {}

impl mltrace::Capture for Tells {
    fn capture(&self, each: &mut dyn FnMut(mltrace::Captured)) {
        self.0.capture(each);
    }
}

impl Tells {
    #[expect(clippy::needless_pass_by_value, reason = "parameters that drop are the subject of the test")]
    fn in_plain(self, b: Tells, (c, d): (Tells, Tells), _e: Tells) -> usize {
        let _local = Tells("local");
        b.0.len() + d.0.len() + c.0.len() + self.0.len()
    }

    #[component(inputs(c))]
    fn in_component(self, b: Tells, (c, d): (Tells, Tells), _e: Tells) -> usize {
        let _local = Tells("local");
        b.0.len() + d.0.len() + c.0.len() + self.0.len()
    }

    #[component(inputs(c))]
    fn unused_in_component(self, _b: Tells, (c, _d): (Tells, Tells), mut _e: Tells) -> usize {
        let _local = Tells("local");
        4
    }

    #[component(inputs(c))]
    async fn in_future(mut self, b: Tells, (c, mut d): (Tells, Tells), _e: Tells) -> usize {
        let _local = Tells("local");
        one_poll_later().await;
        self.0 = "self";
        d.0 = "d";
        b.0.len() + d.0.len() + c.0.len() + self.0.len()
    }
}

#[test]
fn parameters_drop_in_the_order_of_the_language_and_before_the_run_ends() {
    let order = |code: fn(Tells, Tells, (Tells, Tells), Tells) -> usize| {
        let runs = recorded(|| {
            code(Tells("self"), Tells("b"), (Tells("c"), Tells("d")), Tells("e"));
        });
        let outer = runs.iter().find(|run| run.component != "dropped").map(|run| run.uuid);
        assert!(runs.iter().all(|run| Some(run.uuid) == outer || run.parent == outer), "{runs:#?}");
        DROPPED.take()
    };
    let plain = order(Tells::in_plain);
    assert_eq!(plain, ["local", "e", "d", "c", "b", "self"]);
    assert_eq!(order(Tells::in_component), plain);
    assert_eq!(order(Tells::unused_in_component), plain);
    assert_eq!(order(|a, b, c, d| block_on(a.in_future(b, c, d))), plain);
}

#[component(inputs(recorded), params(count), partition = left)]
fn any_parameter<'a, T: AsRef<str>>(
    recorded: &str,
    mut count: u8,
    values: &'a mut [T],
    #[expect(unused_variables, reason = "the subject of the test")] unused: String,
    (mut left, ref right): (u8, String),
    [first, .., last]: [u8; 3],
    mut each: impl FnMut(&str),
) -> Option<&'a mut T> {
    count += first + last;
    left += count;
    each(values[usize::from(left)].as_ref());
    values.iter_mut().find(|value| value.as_ref() == right)
}

#[test]
fn parameters_of_any_form_are_what_they_were() {
    let mut values = vec!["a".to_owned(), "b".to_owned()];
    let mut seen = String::new();
    let run = recorded_once(|| {
        let see = |value: &str| seen.push_str(value);
        let found = any_parameter("in", 0, &mut values, "u".to_owned(), (1, "b".to_owned()), [0, 9, 0], see);
        found.expect("a value").push('!');
    });
    assert_eq!((seen.as_str(), values[1].as_str()), ("b", "b!"));
    assert_eq!((inputs(&run), run.partition.as_deref()), (vec!["in".to_owned()], Some("1")));
}

#[component]
fn never() -> ! {
    panic!("it never returns")
}

#[component]
async fn never_async() -> ! {
    one_poll_later().await;
    panic!("it never returns")
}

#[test]
fn a_function_that_never_returns_can_be_traced() {
    for code in [|| -> () { never() }, || -> () { block_on(never_async()) }] {
        let run = recorded_once(|| assert!(std::panic::catch_unwind(code).is_err()));
        assert_eq!((run.status, run.error.as_deref()), (Status::Panicked, Some("it never returns")));
    }
}

#[must_use]
#[inline]
#[component]
pub(crate) fn attributes() -> u8 {
    #![allow(unused_variables, reason = "inner attributes stay inside")]
    let unused = 1;
    7
}

#[test]
fn other_attributes_stay() {
    assert_eq!(recorded_once(|| assert_eq!(attributes(), 7)).component, "attributes");
}

#[component(inputs(r#type))]
fn r#match(r#type: &str) -> usize {
    r#type.len()
}

#[test]
fn raw_names_are_recorded_without_their_mark() {
    let run = recorded_once(|| assert_eq!(r#match("rides"), 5));
    assert_eq!((run.component.as_str(), inputs(&run)), ("match", vec!["rides".to_owned()]));
}

macro_rules! stage {
    ($name:ident, $input:ident, $body:block) => {
        #[component(inputs($input), outputs(saved))]
        fn $name($input: &str) -> String {
            let length: usize = $body;
            let saved = format!("{}.{length}", $input);
            saved
        }
    };
    ($name:ident $body:block) => {
        #[component]
        fn $name() -> u8 $body
    };
    (public $($function:tt)*) => {
        #[component]
        pub(crate) $($function)*
    };
}

stage!(made_by_a_macro, raw, { 1 + 1 });
stage!(with_a_body_from_elsewhere { /* a comment */ "}".bytes().map(|byte| byte / 125).sum() });
stage!(public fn from_elsewhere_but_for_its_visibility(/* none */) -> u8 { 1 });

#[test]
fn the_snapshot_of_a_function_made_by_a_macro_is_its_tokens() {
    let run = recorded_once(|| assert_eq!(made_by_a_macro("rides"), "rides.2"));
    assert_eq!((inputs(&run), outputs(&run)), (vec!["rides".to_owned()], vec!["rides.2".to_owned()]));
    for (code, beginning, text) in [
        (run.code, "fn made_by_a_macro", "saved"),
        (recorded_once(|| assert_eq!(with_a_body_from_elsewhere(), 1)).code, "fn with_a_body_from_elsewhere", "\"}\""),
        (
            recorded_once(|| assert_eq!(from_elsewhere_but_for_its_visibility(), 1)).code,
            "pub(crate) fn from_elsewhere_but_for_its_visibility",
            "1",
        ),
    ] {
        let snapshot = code.snapshot.expect("a snapshot");
        assert!(snapshot.starts_with(beginning) && snapshot.contains(text), "{snapshot}");
        assert!(!snapshot.contains('$') && !snapshot.contains("/*"), "{snapshot}");
    }
}

#[component(inputs(rides))]
fn begins_with_an_item(rides: &str) -> usize {
    const LONGEST: usize = 3;
    fn shorter(one: usize, other: usize) -> usize {
        one.min(other)
    }
    let length = rides.len();
    shorter(length, LONGEST)
}

#[component(inputs(rides), run = run)]
async fn begins_with_an_item_later(rides: &str) -> usize {
    const LONGEST: usize = 3;
    run.metric("longest", 3.0);
    one_poll_later().await;
    rides.len().min(LONGEST)
}

#[component]
fn begins_with_a_macro(mut rides: u64) -> u64 {
    macro_rules! rides {
        () => {
            rides
        };
    }
    rides += 1;
    rides!()
}

#[test]
fn a_macro_that_begins_a_body_means_its_parameters() {
    recorded_once(|| assert_eq!(begins_with_a_macro(1), 2));
}

#[test]
fn items_may_begin_a_body() {
    let runs = recorded(|| {
        assert_eq!(begins_with_an_item("rides"), 3);
        assert_eq!(block_on(begins_with_an_item_later("rides")), 3);
    });
    assert!(runs.iter().all(|run| inputs(run) == ["rides"]));
}

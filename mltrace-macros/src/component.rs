//! What the attribute means for its function, and every refusal that needs the two together.

use std::fmt;

use proc_macro2::Span;
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitStr, Meta, MetaNameValue, ReturnType};

use crate::args::{Args, Pointer, Target};
use crate::bindings::{self, Binding, Bindings};
use crate::checks::{self, Check, Used};
use crate::function::{self, Function, Kind};
use crate::parameters;

/// A component as its attribute and its function describe it.
pub(crate) struct Component {
    pub(crate) name: LitStr,
    pub(crate) owner: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) stale_after: Option<u64>,
    pub(crate) buffered: bool,
    /// Recorded when the function is entered, before anything can move.
    pub(crate) at_entry: Vec<Entry>,
    /// Recorded where the body binds them.
    pub(crate) in_body: Vec<Bound>,
    /// Recorded when the body has ended: the span of `return`, and what it is.
    pub(crate) returned: Option<(Span, Role)>,
    /// Made before the body.
    pub(crate) before: Vec<Check>,
    /// Made when it has returned.
    pub(crate) after: Vec<Check>,
    /// The key, where the body waits for the checks before it.
    pub(crate) blocking: Option<Ident>,
    /// The key, where the body waits for what the store knows of its inputs.
    pub(crate) deny_retracted: Option<Ident>,
}

/// What a recorded value is to the run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Input(Option<&'static str>),
    Output(Option<&'static str>),
    Param,
    Partition,
    Label,
}

/// A name in the attribute.
pub(crate) struct Named {
    pub(crate) name: Ident,
    pub(crate) role: Role,
}

/// A value that is there from the start.
pub(crate) enum Entry {
    Literal(LitStr, Role),
    Parameter(Named, Binding),
}

impl Entry {
    fn is_input(&self) -> bool {
        let (Self::Literal(_, role) | Self::Parameter(Named { role, .. }, _)) = self;
        matches!(role, Role::Input(_))
    }
}

/// A name that the body binds, at the depth that counts.
pub(crate) struct Bound {
    pub(crate) named: Named,
    pub(crate) depth: usize,
}

impl Bound {
    pub(crate) fn means(&self, binding: &Binding) -> bool {
        self.named.name == binding.ident && self.depth == binding.depth
    }
}

impl Component {
    /// Whether the attribute uses a parameter: records it, or names it in a check.
    pub(crate) fn uses(&self, parameter: &Ident) -> bool {
        self.at_entry.iter().any(|entry| matches!(entry, Entry::Parameter(named, _) if named.name == *parameter))
            || self.is_in_a_check(parameter)
    }

    /// Whether a check may mean this name.
    pub(crate) fn is_in_a_check(&self, name: &Ident) -> bool {
        self.before.iter().chain(&self.after).any(|check| check.mention(name).is_some())
    }

    /// The component, or all that is wrong with it.
    pub(crate) fn check(args: Args, function: &Function) -> Result<Self, Error> {
        let mut judge = Judge::new(function, args.errors);
        judge.signature();
        judge.future();
        judge.repetitions(&args.inputs, &args.outputs);
        judge.repeated("params", args.params.iter().map(|name| (name.to_string(), name)));
        judge.repeated("labels", args.labels.iter().map(|target| (target.key(), target)));

        let output_type = args.endpoint.then_some("Endpoint");
        for Pointer { target, pointer_type } in args.inputs {
            judge.target(target, Role::Input(pointer_type));
        }
        for Pointer { target, pointer_type } in args.outputs {
            judge.target(target, Role::Output(pointer_type.or(output_type)));
        }
        for name in args.params {
            judge.name(name, Role::Param);
        }
        if let Some(name) = args.partition {
            judge.name(name, Role::Partition);
        }
        for label in args.labels {
            judge.target(label, Role::Label);
        }
        judge.checks(&args.before, &args.after, args.run.as_ref());
        judge.guards(args.blocking.as_ref().map(|key| (key, &*args.before)), args.deny_retracted.as_ref());

        let mut errors = judge.errors.into_iter();
        if let Some(first) = errors.next() {
            return Err(all(first, errors));
        }
        let item = &function.item;
        let own_name = || LitStr::new(&item.sig.ident.unraw().to_string(), item.sig.ident.span());
        Ok(Self {
            name: args.name.unwrap_or_else(own_name),
            owner: args.owner,
            description: args.description.or_else(|| first_doc_line(&item.attrs)),
            tags: args.tags,
            stale_after: args.stale_after,
            buffered: args.buffered,
            at_entry: judge.at_entry,
            in_body: judge.in_body,
            returned: judge.returned,
            before: args.before,
            after: args.after,
            blocking: args.blocking,
            deny_retracted: args.deny_retracted,
        })
    }
}

/// Several errors as one.
pub(crate) fn all(first: Error, others: impl IntoIterator<Item = Error>) -> Error {
    others.into_iter().fold(first, |mut all, error| {
        all.combine(error);
        all
    })
}

/// What is found on the way, wrong or right.
struct Judge<'f> {
    function: &'f Function,
    parameters: Vec<Binding>,
    bindings: Bindings,
    errors: Vec<Error>,
    at_entry: Vec<Entry>,
    in_body: Vec<Bound>,
    returned: Option<(Span, Role)>,
}

impl<'f> Judge<'f> {
    fn new(function: &'f Function, errors: Vec<Error>) -> Self {
        Self {
            function,
            parameters: parameters::find(&function.item.sig),
            bindings: bindings::find(&function.body),
            errors,
            at_entry: Vec::new(),
            in_body: Vec::new(),
            returned: None,
        }
    }

    fn refuse(&mut self, at: impl ToTokens, message: impl fmt::Display) {
        self.errors.push(Error::new_spanned(at, message));
    }

    /// A `const fn` may run in the compiler, where no run can be; the arguments of a C-variadic cannot be handed on.
    fn signature(&mut self) {
        let sig = &self.function.item.sig;
        if let Some(token) = &sig.constness {
            self.refuse(token, "a `const fn` cannot be traced: it may run in the compiler");
        }
        if let Some(variadic) = &sig.variadic {
            self.refuse(variadic.dots, "a C-variadic function cannot be traced");
        }
        if let Some(attr) = self.function.item.attrs.iter().find(|attr| attr.path().is_ident("track_caller")) {
            let message = "`track_caller` is lost on a component: its body runs in a closure, and that has another caller\n\
                           help: take the caller's `&Location` as an argument";
            self.refuse(attr.path(), message);
        }
    }

    /// A plain function that returns a future ends before its work has begun.
    fn future(&mut self) {
        if let (Kind::Plain, ReturnType::Type(_, ty)) = (&self.function.kind, &self.function.item.sig.output)
            && function::future(ty).is_some()
        {
            let message = "the function returns a future, so it ends before its work is done\n\
                           help: make it `async fn`";
            self.refuse(ty, message);
        }
    }

    /// One value is recorded once: which of two entries would count?
    fn repetitions(&mut self, inputs: &[Pointer], outputs: &[Pointer]) {
        let mut seen = Vec::new();
        for (list, pointers) in [("inputs", inputs), ("outputs", outputs)] {
            for Pointer { target, .. } in pointers {
                let key = target.key();
                match seen.iter().find(|(known, _)| *known == key) {
                    None => seen.push((key, list)),
                    Some((_, first)) if *first == list => {
                        self.refuse(target, format!("`{key}` is in `{list}` twice"));
                    }
                    Some(_) => {
                        self.refuse(target, format!("`{key}` is in both `inputs` and `outputs`"));
                    }
                }
            }
        }
    }

    fn repeated<T: ToTokens>(&mut self, list: &str, items: impl Iterator<Item = (String, T)>) {
        let mut seen = Vec::new();
        for (key, item) in items {
            if seen.contains(&key) {
                self.refuse(item, format!("`{key}` is in `{list}` twice"));
            }
            seen.push(key);
        }
    }

    /// A check stands outside of the body, in a closure, and what the body takes is gone after it.
    fn checks(&mut self, before: &[Check], after: &[Check], run: Option<&Ident>) {
        if let Some(check) = after.first().filter(|_| self.function.never_returns()) {
            self.refuse(&check.expr, "a function that never returns has nothing after it to check");
        }
        for check in before.iter().chain(after) {
            for exit in check.exits() {
                let token = exit.token;
                let message = format!(
                    "`{token}` cannot stand in a check, which gives a result and does nothing else\n\
                     help: add `run = run`, and call `run.check(\"..\", ..)` in the body"
                );
                self.errors.push(Error::new(exit.at, message));
            }
        }
        for used in checks::used(before) {
            if run != Some(&used.ident) && !self.is_parameter(&used.ident) {
                self.not_in_the_body(&used);
            }
        }
        let lasting = parameters::lasting(&self.function.item.sig);
        for used in checks::used(after) {
            let name = &used.ident;
            if name == "ret" || run == Some(name) || lasting.contains(name) {
                continue;
            }
            if self.is_parameter(name) {
                let message = format!(
                    "`{name}` may have been moved when the body has ended: in `after` stand `ret` and the parameters whose \
                     type is written as a shared reference\n\
                     help: take it by reference, or add `run = run` and call `run.check(\"..\", ..)` in the body"
                );
                self.refuse(name, message);
            } else {
                self.not_in_the_body(&used);
            }
        }
    }

    /// A name that is neither a parameter nor bound in the body may be a constant; one that is called, a function.
    fn not_in_the_body(&mut self, Used { ident: name, is_called }: &Used) {
        if !is_called && self.is_bound(name) {
            let message = format!(
                "`{name}` is bound in the body, where checks in the attribute do not see it\n\
                 help: add `run = run`, and call `run.check(\"..\", ..)` where it is bound"
            );
            self.refuse(name, message);
        }
    }

    fn is_parameter(&self, name: &Ident) -> bool {
        self.parameters.iter().any(|parameter| parameter.ident == *name)
    }

    fn is_bound(&self, name: &Ident) -> bool {
        let visible = self.bindings.visible.iter().map(|binding| &binding.ident);
        visible.chain(self.bindings.hidden.iter().map(|hidden| &hidden.ident)).any(|bound| bound == name)
    }

    /// A body that may be kept from running needs a reason and an error to return.
    fn guards(&mut self, blocking: Option<(&Ident, &[Check])>, deny_retracted: Option<&Ident>) {
        if let Some((key, [])) = blocking {
            self.refuse(key, "`blocking` waits for the checks in `before(..)`, and there are none");
        }
        let has_input = self.at_entry.iter().any(Entry::is_input);
        if let Some(key) = deny_retracted.filter(|_| !has_input) {
            let message = "`deny_retracted` asks for the labels of what is read, and no input is known before the body\n\
                           help: name a parameter or a text in `inputs(..)`";
            self.refuse(key, message);
        }
        if !self.function.may_return_result() {
            for key in blocking.map(|(key, _)| key).into_iter().chain(deny_retracted) {
                let message = format!(
                    "`{key}` refuses by returning `Err`, and this function returns no `Result`\n\
                     help: return a `Result` whose error is `From<mltrace::Error>`"
                );
                self.refuse(key, message);
            }
        }
    }

    fn target(&mut self, target: Target, role: Role) {
        match target {
            Target::Name(name) => self.name(name, role),
            Target::Literal(text) => self.at_entry.push(Entry::Literal(text, role)),
            Target::Return(token) => self.returned = Some((token.span(), role)),
        }
    }

    /// Finds which bindings a name means.
    fn name(&mut self, name: Ident, role: Role) {
        let parameter = self.parameters.iter().find(|parameter| parameter.ident == name);
        if let Some(parameter) = parameter.cloned() {
            self.parameter_is_final(&name, role, &parameter);
            self.at_entry.push(Entry::Parameter(Named { name, role }, parameter));
            return;
        }
        let named = |binding: &&Binding| binding.ident == name;
        let depth = self.bindings.visible.iter().filter(named).map(|binding| binding.depth).min();
        let Some(depth) = depth else {
            self.unbound(&name, role);
            return;
        };
        self.binding_is_final(&name, role, depth);
        self.in_body.push(Bound { named: Named { name, role }, depth });
    }

    /// An output parameter is recorded at entry, so that entry's value must be its last.
    fn parameter_is_final(&mut self, name: &Ident, role: Role, parameter: &Binding) {
        if !matches!(role, Role::Output(_)) || role.records(parameter) {
            return;
        }
        let message = if parameter.is_exclusive() {
            format!(
                "{role} `{name}` is a `&mut` parameter: what it points to may change after it is recorded at entry\n{}",
                written_through(name)
            )
        } else {
            format!(
                "{role} `{name}` is a `mut` parameter: it may change after it is recorded at entry\n\
                 help: take it without `mut`, and name the binding that is final instead"
            )
        };
        let binding = &parameter.ident;
        self.refuse(quote!(#name #binding), message);
    }

    /// What is captured where it is bound must be what it is at return: in each block the last binding is immutable.
    fn binding_is_final(&mut self, name: &Ident, role: Role, depth: usize) {
        let meant: Vec<_> =
            self.bindings.visible.iter().filter(|binding| binding.ident == *name && binding.depth == depth).collect();
        let last_of_its_block = |at: usize| meant[at + 1..].iter().all(|later| later.block != meant[at].block);
        let changing = meant.iter().enumerate().find(|(at, binding)| !role.records(binding) && last_of_its_block(*at));
        if let Some((_, binding)) = changing {
            let message = if matches!(role, Role::Output(_)) && binding.is_exclusive() {
                format!(
                    "{role} `{name}` is bound to a `&mut`: what it points to may change after it is recorded\n{}",
                    written_through(name)
                )
            } else {
                format!(
                    "{role} `{name}` is bound with `mut`: it may change after it is recorded\n\
                     help: add `let {name} = {name};` when it is final"
                )
            };
            let binding = binding.ident.clone();
            self.refuse(quote!(#name #binding), message);
        }
    }

    fn unbound(&mut self, name: &Ident, role: Role) {
        let by_hand = role.by_hand(name);
        if let Some(hidden) = self.bindings.hidden.iter().find(|hidden| hidden.ident == *name) {
            let place = hidden.place;
            let binding = hidden.ident.clone();
            let message = format!(
                "{role} `{name}` is bound only inside {place}, which may run never, later or often\n\
                 note: the binding is where this span ends\n\
                 help: bind it outside, or add `run = run` and call `{by_hand}` there"
            );
            self.refuse(quote!(#name #binding), message);
            return;
        }
        let nearest =
            self.nearest(name).map(|nearest| format!("\nhelp: `{nearest}` has a similar name")).unwrap_or_default();
        let function = &self.function.item.sig.ident;
        let message = format!(
            "{role} `{name}` is neither a parameter of `{function}` nor bound in its body{nearest}\n\
             note: bindings made inside macros cannot be seen: for one of those add `run = run` and call `{by_hand}`"
        );
        self.refuse(name, message);
    }

    /// The known name that is most like a wrong one, if one is like it at all.
    fn nearest(&self, name: &Ident) -> Option<String> {
        let name = name.to_string();
        let known = self.parameters.iter().chain(&self.bindings.visible);
        known
            .map(|binding| binding.ident.to_string())
            .map(|known| (strsim::damerau_levenshtein(&known, &name), known))
            .filter(|(distance, known)| *distance <= known.len().max(name.len()) / 3)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, known)| known)
    }
}

impl Role {
    /// Whether a name that is bound like this is recorded there. What may still change is no output yet: a later binding
    /// says when it is final. What a function reads may change once it is read.
    pub(crate) fn records(self, binding: &Binding) -> bool {
        match self {
            Self::Input(_) => true,
            Self::Output(_) => binding.mutable.is_none() && !binding.is_exclusive(),
            Self::Param | Self::Partition | Self::Label => binding.mutable.is_none(),
        }
    }

    /// The call that records a value of this role by hand.
    fn by_hand(self, name: &Ident) -> String {
        match self {
            Self::Input(_) => format!("run.input(&{name})"),
            Self::Output(_) => format!("run.output(&{name})"),
            Self::Param => format!("run.param(\"{name}\", &{name})"),
            Self::Partition => format!("run.partition(&{name})"),
            Self::Label => format!("run.label(&{name})"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input(_) => "input",
            Self::Output(_) => "output",
            Self::Param => "param",
            Self::Partition => "partition",
            Self::Label => "label",
        })
    }
}

/// How an output is recorded that is written through a reference.
fn written_through(name: &Ident) -> String {
    format!("help: return it and name `return`, or add `run = run` and call `run.output(&{name})` at the end")
}

/// The first line of the doc comment that says something.
fn first_doc_line(attrs: &[Attribute]) -> Option<LitStr> {
    attrs.iter().filter(|attr| attr.path().is_ident("doc")).find_map(|attr| {
        let Meta::NameValue(MetaNameValue { value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }), .. }) = &attr.meta
        else {
            return None;
        };
        let doc = text.value();
        // A block comment may begin each line with an asterisk.
        let mut lines = doc.lines().map(|line| line.trim().trim_start_matches('*').trim_start());
        lines.find(|line| !line.is_empty()).map(|line| LitStr::new(line, text.span()))
    })
}

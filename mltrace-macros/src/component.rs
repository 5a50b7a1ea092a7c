//! What the attribute means for its function, and every refusal that needs the two together.

use std::fmt;

use proc_macro2::Span;
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitStr, Meta, MetaNameValue, ReturnType};

use crate::args::{Args, Pointer, Target};
use crate::bindings::{self, Binding, Bindings};
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
}

/// What a recorded value is to the run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Input(Option<&'static str>),
    Output(Option<&'static str>),
    Param,
    Partition,
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
    /// Whether a parameter is recorded, by any name it has in the attribute.
    pub(crate) fn records(&self, parameter: &Ident) -> bool {
        self.at_entry.iter().any(|entry| matches!(entry, Entry::Parameter(named, _) if named.name == *parameter))
    }

    /// The component, or all that is wrong with it.
    pub(crate) fn check(args: Args, function: &Function) -> Result<Self, Error> {
        let mut check = Check::new(function, args.errors);
        check.signature();
        check.future();
        check.repetitions(&args.inputs, &args.outputs, &args.params);

        let output_type = args.endpoint.then_some("Endpoint");
        for Pointer { target, pointer_type } in args.inputs {
            check.target(target, Role::Input(pointer_type));
        }
        for Pointer { target, pointer_type } in args.outputs {
            check.target(target, Role::Output(pointer_type.or(output_type)));
        }
        for name in args.params {
            check.name(name, Role::Param);
        }
        if let Some(name) = args.partition {
            check.name(name, Role::Partition);
        }

        let mut errors = check.errors.into_iter();
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
            at_entry: check.at_entry,
            in_body: check.in_body,
            returned: check.returned,
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

/// The state of a check: what is found on the way, wrong or right.
struct Check<'f> {
    function: &'f Function,
    parameters: Vec<Binding>,
    bindings: Bindings,
    errors: Vec<Error>,
    at_entry: Vec<Entry>,
    in_body: Vec<Bound>,
    returned: Option<(Span, Role)>,
}

impl<'f> Check<'f> {
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
    fn repetitions(&mut self, inputs: &[Pointer], outputs: &[Pointer], params: &[Ident]) {
        let mut seen = Vec::new();
        for (list, pointers) in [("inputs", inputs), ("outputs", outputs)] {
            for Pointer { target, .. } in pointers {
                let (key, tokens) = match target {
                    Target::Name(name) => (name.to_string(), name.to_token_stream()),
                    Target::Literal(text) => (format!("{:?}", text.value()), text.to_token_stream()),
                    Target::Return(token) => ("return".to_owned(), token.to_token_stream()),
                };
                match seen.iter().find(|(known, _)| *known == key) {
                    None => seen.push((key, list)),
                    Some((_, first)) if *first == list => {
                        self.refuse(tokens, format!("`{key}` is in `{list}` twice"));
                    }
                    Some(_) => {
                        self.refuse(tokens, format!("`{key}` is in both `inputs` and `outputs`"));
                    }
                }
            }
        }
        for (at, name) in params.iter().enumerate() {
            if params[..at].contains(name) {
                self.refuse(name, format!("`{name}` is in `params` twice"));
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
        let message = if parameter.exclusive {
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
            let message = if matches!(role, Role::Output(_)) && binding.exclusive {
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
            Self::Output(_) => binding.mutable.is_none() && !binding.exclusive,
            Self::Param | Self::Partition => binding.mutable.is_none(),
        }
    }

    /// The call that records a value of this role by hand.
    fn by_hand(self, name: &Ident) -> String {
        match self {
            Self::Input(_) => format!("run.input(&{name})"),
            Self::Output(_) => format!("run.output(&{name})"),
            Self::Param => format!("run.param(\"{name}\", &{name})"),
            Self::Partition => format!("run.partition(&{name})"),
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

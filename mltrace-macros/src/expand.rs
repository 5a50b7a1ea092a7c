//! The expansion: tokens in, tokens out.
//!
//! Names of our own carry `Span::mixed_site`, so that the user's code can neither see nor hide them. What records a
//! value is located at its name in the attribute: a type that cannot be recorded is an error there.

use std::iter;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned;
use syn::{Ident, LitStr, Stmt};

use crate::args::Args;
use crate::bindings::{self, Binding, Reference};
use crate::checks::Check;
use crate::component::{Component, Entry, Named, Role, all};
use crate::function::{Function, Kind};
use crate::parameters;
use crate::snapshot::Snapshot;

/// Expands the attribute `args` on `item`. A refusal is emitted beside the function, which stays usable, so that one
/// mistake gives one error.
pub(crate) fn component(args: TokenStream, item: TokenStream) -> TokenStream {
    let args: Args = match syn::parse2(args) {
        Ok(args) => args,
        Err(error) => return beside(&error, item),
    };
    let function = match Function::parse(&item) {
        Ok(function) => function,
        Err(error) => return beside(&all(error, args.errors), item),
    };
    let runtime = Runtime::new(&args);
    match Component::check(args, &function) {
        Err(error) => beside(&error, runtime.bare(function)),
        Ok(_) if cfg!(feature = "off") => runtime.bare(function),
        Ok(component) => runtime.traced(function, &component, &Snapshot::of(&item)),
    }
}

fn beside(error: &syn::Error, item: TokenStream) -> TokenStream {
    let mut tokens = error.to_compile_error();
    tokens.extend(item);
    tokens
}

/// What the expansion calls, and the names it gives.
struct Runtime {
    /// The hidden module of the runtime crate.
    path: TokenStream,
    /// The run, under a name that only the expansion knows.
    run: Ident,
    /// The name that the user asked for.
    user_run: Option<Ident>,
}

impl Runtime {
    fn new(args: &Args) -> Self {
        let span = Span::mixed_site();
        let default = || quote_spanned!(span=> ::mltrace);
        let krate = args.krate.as_ref().map_or_else(default, ToTokens::to_token_stream);
        Self {
            path: quote_spanned!(span=> #krate::__private),
            run: Ident::new("run", span),
            user_run: args.run.clone(),
        }
    }

    /// The function without tracing. A body that calls the run needs one that does nothing.
    fn bare(&self, function: Function) -> TokenStream {
        let is_const = function.item.sig.constness.is_some(); // refused, and no place for a run
        let Some(user_run) = self.user_run.as_ref().filter(|_| !is_const) else {
            return function.item.into_token_stream();
        };
        let path = &self.path;
        let body = &function.body.stmts;
        let statements = quote! {
            let #user_run: &#path::Run = &#path::Run::disabled();
            #(#body)*
        };
        function.with_body(statements).into_token_stream()
    }

    fn traced(&self, mut function: Function, component: &Component, snapshot: &Snapshot) -> TokenStream {
        bindings::insert(&mut function.body, |binding| {
            let meant = component.in_body.iter().filter(|bound| bound.means(binding));
            meant.filter_map(|bound| self.at_binding(&bound.named, binding)).collect()
        });
        let start = self.start(component, snapshot);
        let call = self.call(&mut function, component);
        let (path, run) = (&self.path, &self.run);
        let statements = if function.never_returns() {
            quote_spanned! {Span::mixed_site()=>
                let #run = #start;
                #call
            }
        } else {
            // Errors about what is returned, such as its lifetime, belong at the return type.
            let at = function.output.as_ref().map_or(Span::mixed_site(), Spanned::span);
            let ret = Ident::new("ret", Span::mixed_site().located_at(at));
            // A block of one expression may look as if it needed no braces of its own.
            let is_one_expression = matches!(function.body.stmts.as_slice(), [Stmt::Expr(_, None)]);
            let braces = is_one_expression.then(|| quote!(#[allow(unused_braces)]));
            let returned = component.returned.map(|(span, role)| self.record_return(span, role, &ret));
            let after = self.after(component, &ret);
            quote_spanned! {Span::mixed_site()=>
                let #run = #start;
                #braces
                let #ret = #call;
                #returned
                #after
                #path::Run::finish(#run, || {
                    use #path::{EndedByError as _, EndedByDisplay as _, EndedByDebug as _, EndedByResult as _, EndedByValue as _};
                    (&&&&&#path::Outcome(&#ret)).__ended()
                });
                #ret
            }
        };
        function.with_body(statements).into_token_stream()
    }

    fn start(&self, component: &Component, snapshot: &Snapshot) -> TokenStream {
        let path = &self.path;
        let span = Span::mixed_site();
        let Component { name, tags, buffered, .. } = component;
        let owner = option(component.owner.as_ref());
        let description = option(component.description.as_ref());
        let stale_after = option(component.stale_after.as_ref());
        let Snapshot { source, tokens, .. } = snapshot;
        let line = snapshot.line.map_or_else(|| quote_spanned!(span=> ::core::line!()), |line| quote!(#line));
        quote_spanned! {span=>
            #path::Run::start({
                static META: #path::Meta = #path::Meta {
                    name: #name,
                    owner: #owner,
                    description: #description,
                    tags: &[#(#tags),*],
                    stale_after_secs: #stale_after,
                    buffered: #buffered,
                    file: ::core::file!(),
                    line: #line,
                    source: #source,
                    tokens: #tokens,
                    manifest_dir: ::core::option_env!("CARGO_MANIFEST_DIR"),
                    // Not every build system sets it.
                    crate_version: match ::core::option_env!("CARGO_PKG_VERSION") {
                        ::core::option::Option::Some(version) => version,
                        ::core::option::Option::None => "",
                    },
                    commit: ::core::option_env!("MLTRACE_COMMIT"),
                    in_unit_test: ::core::cfg!(test),
                };
                &META
            })
        }
    }

    /// The body, run inside the run.
    fn call(&self, function: &mut Function, component: &Component) -> TokenStream {
        // A boxed block has taken what it uses, when the function that made it returned.
        let parameters = match function.kind {
            Kind::Plain | Kind::Async => parameters::take_in(&mut function.item.sig, |name| component.uses(name)),
            Kind::Boxed(_) => Vec::new(),
        };
        let (path, run, output) = (&self.path, &self.run, &function.output);
        let span = Span::mixed_site();
        let at_entry = component.at_entry.iter().map(|entry| self.record_entry(entry));
        let user_run = self.user_run.as_ref().map(|name| {
            let only_in_checks = component.is_in_a_check(name).then(|| quote!(#[allow(unused_variables)]));
            quote!(#only_in_checks let #name: &#path::Run = #run;)
        });
        let mut body = TokenStream::new();
        let statements = &function.body.stmts;
        function.body.brace_token.surround(&mut body, |body| body.extend(quote!(#(#statements)*)));
        // The user's block stays whole, inside one of ours: what its last expression borrows from a parameter may drop
        // after its locals, as it does where the edition of the user's crate says so.
        if !parameters.is_empty() || user_run.is_some() {
            body = quote_spanned!(span=> { #(#parameters)* #user_run #body });
        }
        // The closure stands in the call, where it is known to run once: else `&mut self -> &mut T` would not do.
        let call = match function.kind {
            Kind::Plain => quote_spanned! {span=>
                #path::call_once(#run, move || -> #output #body)
            },
            Kind::Async | Kind::Boxed(_) => {
                // An async block cannot name its type; a `return` that is never reached tells it.
                let typed = output.as_ref().filter(|_| !function.never_returns()).map(|output| {
                    quote_spanned! {span.located_at(output.span())=>
                        if let ::core::option::Option::Some(ret) = ::core::option::Option::None::<#output> {
                            return ret;
                        }
                    }
                });
                let never = function.never_returns().then(|| quote_spanned!(span=> ; ::core::unreachable!()));
                quote_spanned! {span=>
                    #path::in_run(#run, async move { #typed #body }).await #never
                }
            }
        };
        let guarded = self.guarded(function, component, &call);
        quote_spanned! {span=>
            {
                let #run = &#run;
                #(#at_entry)*
                #guarded
            }
        }
    }

    /// The checks before the body, and the body, unless it may be refused and is.
    fn guarded(&self, function: &Function, component: &Component, call: &TokenStream) -> TokenStream {
        let (path, run) = (&self.path, &self.run);
        let span = Span::mixed_site();
        let Some(key) = component.blocking.as_ref().or(component.deny_retracted.as_ref()) else {
            let checks = component.before.iter().map(|check| self.make_check(check, None));
            return quote_spanned!(span=> #(#checks)* #call);
        };
        let name = &component.name;
        let denial = component.deny_retracted.as_ref().map(|_| quote_spanned!(span=> guard.deny_retracted();));
        let checks = component.before.iter().map(|check| {
            if component.blocking.is_none() {
                return self.make_check(check, None);
            }
            let (name, closure) = (&check.name, self.closure(check, None));
            quote_spanned!(span=> guard.check(#name, #closure);)
        });
        // That the error is none of a refusal's is told where it is written, that there is none at the key.
        let at = span.located_at(function.result().map_or_else(|| key.span(), Spanned::span));
        let refusal = located(path, at);
        let refused = quote_spanned!(at=> #refusal::refused(error));
        quote_spanned! {span=>
            let mut guard = #path::Guard::new(#run, #name);
            #denial
            #(#checks)*
            if let ::core::option::Option::Some(error) = guard.refusal() {
                #path::call_once(#run, move || #refused)
            } else {
                #call
            }
        }
    }

    /// The checks after the body, which see what it returned.
    fn after(&self, component: &Component, ret: &Ident) -> Option<TokenStream> {
        let run = &self.run;
        let checks = component.after.iter().map(|check| self.make_check(check, Some(ret)));
        let has_checks = !component.after.is_empty();
        has_checks.then(|| quote_spanned!(Span::mixed_site()=> { let #run = &#run; #(#checks)* }))
    }

    fn make_check(&self, check: &Check, ret: Option<&Ident>) -> TokenStream {
        let (path, run, name) = (&self.path, &self.run, &check.name);
        let closure = self.closure(check, ret);
        quote_spanned!(Span::mixed_site()=> #path::Run::make_check(#run, #name, #closure);)
    }

    /// A check as a closure, with the names it sees beside the parameters.
    fn closure(&self, check: &Check, ret: Option<&Ident>) -> TokenStream {
        let (path, run, expr) = (&self.path, &self.run, &check.expr);
        let span = Span::mixed_site();
        let user_run = self.user_run.as_ref().filter(|name| check.mention(name).is_some());
        let user_run = user_run.map(|name| quote!(#[allow(unused_variables)] let #name: &#path::Run = #run;));
        // The name is the expression's own, wherever that comes from.
        let user_ret = ret.and_then(|ret| Some((check.mention(&Ident::new("ret", span))?, ret)));
        let user_ret = user_ret.map(|(name, ret)| quote_spanned!(span=> #[allow(unused_variables)] let #name = &#ret;));
        // A type that is no result of a check is an error at the expression.
        let verdict = quote_spanned!(span.located_at(expr.span())=> #path::verdict(#expr));
        quote_spanned!(span=> || { #user_run #user_ret #verdict })
    }

    fn record_entry(&self, entry: &Entry) -> TokenStream {
        match entry {
            Entry::Parameter(named, binding) => self.record_name(named, binding).into_token_stream(),
            // No binding replaces it, whatever its name.
            Entry::Literal(text, role) => {
                let label = LitStr::new(&text.value(), Span::mixed_site().located_at(text.span()));
                self.record(*role, &Place { label, each: true, shadows: quote!(false) }, &text.to_token_stream())
            }
        }
    }

    /// Records what is final where it is bound. What is not may hide something that was recorded, which then is no longer
    /// what the name stands for.
    fn at_binding(&self, named: &Named, binding: &Binding) -> Option<Stmt> {
        if binding.has_value && named.role.records(binding) {
            return Some(self.record_name(named, binding));
        }
        let hides_recorded = iter::successors(binding.hides.as_deref(), |hidden| hidden.hides.as_deref())
            .any(|hidden| named.role.records(hidden));
        let slot = self.slot(named.role, &Place::of(named, binding)).filter(|_| hides_recorded)?;
        let (path, run, cfgs) = (&self.path, &self.run, &binding.cfgs);
        let unbind = quote_spanned!(Span::mixed_site()=> #(#cfgs)* #path::Run::unbind(#run, #slot););
        Some(Stmt::Expr(syn::Expr::Verbatim(unbind), None))
    }

    /// Records a binding under the name in the attribute.
    fn record_name(&self, named: &Named, binding: &Binding) -> Stmt {
        let place = Place::of(named, binding);
        let span = place.label.span();
        // It is the body's name, wherever that comes from; only the place is the attribute's.
        let mut value = binding.ident.clone();
        value.set_span(binding.ident.span().located_at(named.name.span()));
        let is_shared = binding.reference == Some(Reference::Shared);
        let value = if is_shared { value.into_token_stream() } else { quote_spanned!(span=> &#value) };
        let record = self.record(named.role, &place, &value);
        let cfgs = &binding.cfgs;
        Stmt::Expr(syn::Expr::Verbatim(quote!(#(#cfgs)* #record)), None)
    }

    fn record(&self, role: Role, place: &Place, value: &TokenStream) -> TokenStream {
        let (path, run, label) = (&self.path, &self.run, &place.label);
        let span = label.span();
        match self.slot(role, place) {
            Some(slot) if role == Role::Label => {
                quote_spanned!(span=> #path::Run::bind_label(#run, #slot, #value);)
            }
            Some(slot) => quote_spanned!(span=> #path::Run::bind(#run, #slot, #value);),
            None if role == Role::Partition => quote_spanned!(span=> #path::RunHandle::partition(#run, #value);),
            None => quote_spanned!(span=> #path::RunHandle::param(#run, #label, #value);),
        }
    }

    /// What an input, output or label is bound to; params and partitions have none.
    fn slot(&self, role: Role, place: &Place) -> Option<TokenStream> {
        let path = &self.path;
        let Place { label, each, shadows } = place;
        let span = label.span();
        let (direction, pointer_type) = match role {
            Role::Input(pointer_type) => ("Input", pointer_type),
            Role::Output(pointer_type) => ("Output", pointer_type),
            Role::Label => ("Label", None),
            Role::Param | Role::Partition => return None,
        };
        let direction = Ident::new(direction, span);
        let pointer_type = option(pointer_type.map(|name| {
            let name = Ident::new(name, span);
            quote_spanned!(span=> #path::PointerType::#name)
        }));
        Some(quote_spanned! {span=>
            #path::Slot {
                name: #label,
                direction: #path::Direction::#direction,
                pointer_type: #pointer_type,
                each: #each,
                shadows: #shadows,
            }
        })
    }

    /// Records what the body gave: of a `Result` the `Ok` value.
    fn record_return(&self, at: Span, role: Role, ret: &Ident) -> TokenStream {
        let (path, run) = (&self.path, &self.run);
        let span = Span::mixed_site().located_at(at);
        let value = Ident::new("value", span);
        let place = Place { label: LitStr::new("return", span), each: false, shadows: quote!(false) };
        let record = self.record(role, &place, &value.to_token_stream());
        quote_spanned! {span=>
            {
                let #run = &#run;
                let returned = {
                    use #path::{ReturnedOk as _, ReturnedValue as _};
                    (&&#path::Returned(&#ret)).__output()
                };
                if let ::core::option::Option::Some(#value) = returned {
                    #record
                }
            }
        }
    }
}

/// Where a value comes from, in the words of the runtime.
struct Place {
    /// The name of the slot or param, at the place of the name in the attribute.
    label: LitStr,
    /// Whether it counts beside others of the name.
    each: bool,
    /// Whether it hides what was recorded last, as an expression.
    shadows: TokenStream,
}

impl Place {
    fn of(named: &Named, binding: &Binding) -> Self {
        let span = Span::mixed_site().located_at(named.name.span());
        Self {
            label: LitStr::new(&named.name.unraw().to_string(), span),
            each: binding.in_loop,
            shadows: is_recorded(named.role, binding.hides.as_deref()),
        }
    }
}

/// Whether a binding that is hidden was recorded. It may not be there in every configuration, and hide another.
fn is_recorded(role: Role, hidden: Option<&Binding>) -> TokenStream {
    let Some(binding) = hidden else {
        return quote!(false);
    };
    let recorded = role.records(binding);
    if binding.cfgs.is_empty() {
        return quote!(#recorded);
    }
    let conditions = binding.cfgs.iter().filter_map(|cfg| cfg.meta.require_list().ok()).map(|list| &list.tokens);
    let before = is_recorded(role, binding.hides.as_deref());
    quote_spanned!(Span::mixed_site()=> if ::core::cfg!(all(#(#conditions),*)) { #recorded } else { #before })
}

/// The same names, told of elsewhere.
fn located(path: &TokenStream, at: Span) -> TokenStream {
    let located = path.clone().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(at));
        token
    });
    located.collect()
}

/// The tokens of an `Option`.
fn option(value: Option<impl ToTokens>) -> TokenStream {
    let span = Span::mixed_site();
    value.map_or_else(
        || quote_spanned!(span=> ::core::option::Option::None),
        |value| quote_spanned!(span=> ::core::option::Option::Some(#value)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(args: &str, item: &str) -> String {
        component(args.parse().unwrap(), item.parse().unwrap()).to_string()
    }

    /// The messages of all errors, in order.
    fn errors(args: &str, item: &str) -> Vec<String> {
        let expanded = component(args.parse().unwrap(), item.parse().unwrap());
        let file: syn::File = syn::parse2(expanded).unwrap();
        let messages = file.items.into_iter().filter_map(|item| match item {
            syn::Item::Macro(item) => item.mac.parse_body::<LitStr>().ok().map(|text| text.value()),
            _ => None,
        });
        messages.collect()
    }

    #[test]
    fn a_refused_function_is_emitted_unchanged() {
        let expanded = expanded("inputs(b)", "#[inline] fn f(a: &str) -> usize { a.len() }");
        assert!(expanded.ends_with("# [inline] fn f (a : & str) -> usize { a . len () }"), "{expanded}");
    }

    #[test]
    fn what_is_no_function_is_emitted_unchanged() {
        let expanded = expanded("owner = \"data-team\"", "struct S;");
        assert!(expanded.ends_with("struct S ;"), "{expanded}");
    }

    #[test]
    fn a_c_variadic_is_refused() {
        let errors = errors("", "unsafe extern \"C\" fn f(a: u8, _: ...) {}");
        assert_eq!(errors, ["a C-variadic function cannot be traced"]);
    }

    #[test]
    fn mistakes_in_the_arguments_and_in_the_function_are_told_together() {
        assert_eq!(errors("inputs(), outputs(data(a, b)), tags(1), endpoint = 1", "trait T {}").len(), 5);
        assert_eq!(errors("retries = 3, params(a), partition = b", "const fn f() {}").len(), 4);
    }

    #[test]
    fn texts_are_bounded_as_in_the_store() {
        for (key, limit) in [("name", 4 << 10), ("owner", 64 << 10), ("description", 64 << 10)] {
            let given = |bytes: usize| errors(&format!("{key} = {:?}", "x".repeat(bytes)), "fn f() {}");
            assert_eq!((given(limit).len(), given(limit + 1).len()), (0, 1), "{key}");
        }
        for list in ["tags", "inputs", "outputs"] {
            let given = |bytes: usize| errors(&format!("{list}({:?})", "x".repeat(bytes)), "fn f() {}");
            assert_eq!(given(4 << 10), [""; 0], "{list}");
            assert_eq!(given((4 << 10) + 1), ["expected a text of at most 4096 bytes; this has 4097"], "{list}");
        }
    }

    #[test]
    #[cfg(not(feature = "off"))]
    fn ages_are_whole_numbers_with_a_unit() {
        for (age, seconds) in
            [("90s", "90u64"), ("2m", "120u64"), ("36h", "129600u64"), ("30d", "2592000u64"), ("2w", "1209600u64")]
        {
            assert!(expanded(&format!("stale_after = {age:?}"), "fn f() {}").contains(seconds), "{age}");
        }
        for age in ["", "30", "d", "1.5d", "-1d", "30 d", "30D", "99999999999999999w", "7ü"] {
            assert_eq!(errors(&format!("stale_after = {age:?}"), "fn f() {}").len(), 1, "{age}");
        }
    }

    #[test]
    #[cfg(not(feature = "off"))]
    fn the_description_is_the_first_line_of_the_doc_comment() {
        let described = expanded("", "#[doc = \"\"] #[doc = \" Drops rides.\"] #[doc = \" More.\"] fn f() {}");
        assert!(described.contains("Some (\"Drops rides.\")"), "{described}");
        let block = expanded("", "#[doc = \"\\n * Drops rides.\\n * More.\\n \"] fn f() {}");
        assert!(block.contains("Some (\"Drops rides.\")"), "{block}");
        assert!(expanded("description = \"Other.\"", "/// Drops rides.\nfn f() {}").contains("Some (\"Other.\")"));
    }

    #[test]
    #[cfg(not(feature = "off"))]
    fn what_only_the_build_of_the_function_knows_is_asked_there() {
        let expanded = expanded("", "fn f() {}");
        for variable in ["CARGO_MANIFEST_DIR", "CARGO_PKG_VERSION", "MLTRACE_COMMIT"] {
            assert!(expanded.contains(&format!(":: core :: option_env ! (\"{variable}\")")), "{expanded}");
        }
    }

    #[test]
    #[cfg(not(feature = "off"))]
    fn the_runtime_can_be_elsewhere() {
        let expanded = expanded("crate = crate::reexported", "fn f() {}");
        assert!(expanded.contains("crate :: reexported :: __private :: Run :: start"), "{expanded}");
        assert!(!expanded.contains("mltrace"), "{expanded}");
    }

    #[test]
    #[cfg(feature = "off")]
    fn with_the_feature_off_the_function_is_bare_and_still_checked() {
        assert_eq!(expanded("inputs(a)", "fn f(a: u8) -> u8 { a }"), "fn f (a : u8) -> u8 { a }");
        assert!(expanded("run = run", "fn f() { g(run) }").contains("Run :: disabled ()"));
        assert_eq!(errors("inputs(b)", "fn f(a: u8) -> u8 { a }").len(), 1);
    }
}

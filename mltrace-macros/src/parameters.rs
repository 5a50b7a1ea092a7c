//! The parameters of a function: the names they give, and how they come into a body that runs in a closure.

use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, FnArg, Ident, Meta, Pat, PatIdent, ReceiverKind, Signature, Stmt, Type, parse_quote};

use crate::bindings::{self, Binding};

/// The names of the parameters, `self` and those in patterns among them.
pub(crate) fn find(sig: &Signature) -> Vec<Binding> {
    sig.inputs.iter().flat_map(names).collect()
}

/// The names of the parameters that are still there when the body has taken them: a shared reference is copied.
pub(crate) fn lasting(sig: &Signature) -> Vec<Ident> {
    let is_shared = |parameter: &&FnArg| match parameter {
        FnArg::Typed(typed) => is_shared_reference(&typed.ty),
        FnArg::Receiver(receiver) => match &receiver.kind {
            ReceiverKind::Reference(_, _, mutability) => mutability.is_none(),
            ReceiverKind::Typed(_, ty) => is_shared_reference(ty),
            _ => false,
        },
    };
    sig.inputs.iter().filter(is_shared).flat_map(names).map(|name| name.ident).collect()
}

fn is_shared_reference(ty: &Type) -> bool {
    match ty {
        Type::Reference(ty) => ty.mutability.is_none(),
        Type::Paren(ty) => is_shared_reference(&ty.elem),
        Type::Group(ty) => is_shared_reference(&ty.elem),
        _ => false,
    }
}

fn names(parameter: &FnArg) -> Vec<Binding> {
    let (mut names, attrs) = match parameter {
        FnArg::Typed(typed) => (bindings::in_pattern(&Pat::Type(typed.clone())), &typed.attrs),
        FnArg::Receiver(receiver) => {
            let name = Ident::new("self", receiver.self_token.span);
            (bindings::in_pattern(&parse_quote!(#name)), &receiver.attrs)
        }
    };
    for name in &mut names {
        name.cfgs.extend(bindings::cfgs(attrs));
    }
    names
}

/// Takes the parameters into the body: the statements that bind them there once more, before anything else. So they drop
/// with the body, before the run ends, and in a function's own order; and one that the body does not use is still told
/// where it stands. What the `mut`s allow is done in the body, so the signature loses them.
///
/// `is_used` tells which names the attribute uses, so that the body need not.
pub(crate) fn take_in(sig: &mut Signature, is_used: impl Fn(&Ident) -> bool) -> Vec<Stmt> {
    let mut stmts = Vec::new();
    for parameter in &mut sig.inputs {
        let names = names(parameter);
        match parameter {
            // `self` cannot be bound again. It is mentioned, and what is captured drops after what is bound.
            FnArg::Receiver(receiver) => {
                if !matches!(receiver.kind, ReceiverKind::Reference(..)) {
                    let (name, cfgs) = (&receiver.self_token, bindings::cfgs(&receiver.attrs));
                    stmts.push(parse_quote!(#(#cfgs)* let _ = &#name;));
                }
            }
            FnArg::Typed(typed) => {
                typed.attrs.iter_mut().for_each(no_longer_expected);
                let lints: Vec<_> = typed.attrs.iter().filter(|attr| is_lint(attr)).collect();
                for Binding { ident, mutable, cfgs, .. } in &names {
                    let underscore = ident.to_string().starts_with('_');
                    let unread: Option<Attribute> = underscore.then(|| {
                        parse_quote!(#[allow(clippy::no_effect_underscore_binding, clippy::used_underscore_binding)])
                    });
                    stmts.push(parse_quote!(#(#cfgs)* #(#lints)* #unread let #mutable #ident = #ident;));
                    if is_used(ident) {
                        stmts.push(parse_quote!(#(#cfgs)* #unread let _ = &#ident;));
                    }
                }
                Frozen.visit_pat_mut(&mut typed.pat);
            }
        }
    }
    stmts
}

fn is_lint(attr: &Attribute) -> bool {
    ["allow", "warn", "deny", "forbid"].iter().any(|level| attr.path().is_ident(level))
}

/// What a lint is expected of is now two bindings, and it may be found at only one of them.
fn no_longer_expected(attr: &mut Attribute) {
    if let Meta::List(list) = &mut attr.meta
        && list.path.is_ident("expect")
    {
        list.path = parse_quote!(allow);
    }
}

/// Takes the `mut`s of names, but not those of references.
struct Frozen;

impl VisitMut for Frozen {
    fn visit_pat_ident_mut(&mut self, node: &mut PatIdent) {
        if node.by_ref.is_none() {
            node.mutability = None;
        }
        visit_mut::visit_pat_ident_mut(self, node);
    }
}

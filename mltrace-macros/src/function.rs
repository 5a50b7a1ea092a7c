//! The function as it is written: its body, what kind of body that is, and the type it returns.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser as _};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Block, Error, Expr, ExprAsync, GenericArgument, ItemFn, Path, PathArguments, ReturnType, Signature,
    Stmt, Token, Type, TypeParamBound, Visibility, parse_quote,
};

/// A function with a body.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    pub(crate) kind: Kind,
    /// The statements that are traced; not always the item's own block, see [`Kind::Boxed`].
    pub(crate) body: Block,
    /// What the body gives, with `_` where `impl Trait` is written; `None` if that cannot be said.
    pub(crate) output: Option<Type>,
}

/// How a body runs.
pub(crate) enum Kind {
    Plain,
    Async,
    /// A plain function of nothing but `Box::pin(async move { .. })`: what is left of an `async fn` when a crate has
    /// made it fit for a trait object. The body is that block; kept is what is called with it.
    Boxed(Box<Expr>),
}

impl Function {
    /// Refuses what has no body.
    pub(crate) fn parse(tokens: &TokenStream) -> syn::Result<Self> {
        let item: ItemFn = syn::parse2(tokens.clone()).map_err(|error| explain(tokens.clone(), error))?;
        let (kind, body) = if item.sig.asyncness.is_some() {
            (Kind::Async, (*item.block).clone())
        } else if let Some((pin, boxed)) = boxed(&item.block) {
            (Kind::Boxed(pin), boxed.block)
        } else {
            (Kind::Plain, (*item.block).clone())
        };
        let output = match (&kind, &item.sig.output) {
            (Kind::Boxed(_), ReturnType::Type(_, ty)) => output(ty),
            (_, ReturnType::Type(_, ty)) => Some((**ty).clone()),
            (_, ReturnType::Default) => Some(parse_quote!(())),
        };
        Ok(Self { item, kind, body, output: output.map(without_impl_trait) })
    }

    /// The same function with another body, given as the statements between the braces.
    pub(crate) fn with_body(self, statements: TokenStream) -> ItemFn {
        let expr = Expr::Verbatim(match self.kind {
            Kind::Plain | Kind::Async => statements,
            Kind::Boxed(pin) => quote::quote!(#pin(async move { #statements })),
        });
        let mut item = self.item;
        item.block.stmts = vec![Stmt::Expr(expr, None)];
        item
    }

    pub(crate) fn never_returns(&self) -> bool {
        matches!(self.output, Some(Type::Never(_)))
    }

    /// Whether what is returned may be a `Result`: an alias of one can have any name.
    pub(crate) fn may_return_result(&self) -> bool {
        self.output
            .as_ref()
            .is_none_or(|ty| matches!(ty, Type::Path(_) | Type::Paren(_) | Type::Group(_) | Type::Macro(_)))
    }

    /// The type that is returned, if its name says that it is a `Result`.
    pub(crate) fn result(&self) -> Option<&Type> {
        self.output.as_ref().filter(|ty| match ty {
            Type::Path(ty) => ty.path.segments.last().is_some_and(|last| last.ident.to_string().ends_with("Result")),
            _ => false,
        })
    }
}

/// Says why something does not parse as a function with a body.
fn explain(item: TokenStream, error: Error) -> Error {
    let parser = |input: ParseStream| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let after_visibility = input.fork();
        let told = if input.parse::<Signature>().is_err() {
            after_visibility.error("`#[component]` traces functions, and this is none")
        } else if input.peek(Token![;]) {
            input.error("a function without a body has nothing to trace; put `#[component]` where its body is")
        } else {
            error
        };
        input.parse::<TokenStream>()?;
        Ok(told)
    };
    parser.parse2(item).unwrap_or_else(|error| error)
}

fn boxed(block: &Block) -> Option<(Box<Expr>, ExprAsync)> {
    let [Stmt::Expr(Expr::Call(call), None)] = block.stmts.as_slice() else {
        return None;
    };
    let Expr::Path(func) = &*call.func else {
        return None;
    };
    let mut path = func.path.segments.iter().rev().map(|segment| &segment.ident);
    if path.next()? != "pin" || path.next()? != "Box" || call.args.len() != 1 {
        return None;
    }
    match call.args.first()? {
        Expr::Async(body) if body.capture.is_some() => Some((call.func.clone(), body.clone())),
        _ => None,
    }
}

/// What a boxed future gives: by its name, so that errors speak of what is written, or else by the trait.
fn output(ty: &Type) -> Option<Type> {
    let output = future(ty).and_then(|future| future.output);
    output.or_else(|| {
        (without_impl_trait(ty.clone()) == *ty).then(|| parse_quote!(<#ty as ::core::future::Future>::Output))
    })
}

/// A type that is a future by its name.
pub(crate) struct Future {
    pub(crate) output: Option<Type>,
}

/// Whether a return type is a future: `impl Future`, a boxed or pinned `dyn Future`, `BoxFuture`.
pub(crate) fn future(ty: &Type) -> Option<Future> {
    match ty {
        Type::ImplTrait(ty) => ty.bounds.iter().find_map(future_bound),
        Type::TraitObject(ty) => ty.bounds.iter().find_map(future_bound),
        Type::Paren(ty) => future(&ty.elem),
        Type::Group(ty) => future(&ty.elem),
        Type::Path(ty) => {
            let name = &ty.path.segments.last()?.ident;
            if name == "Pin" || name == "Box" {
                future(&argument(&ty.path)?)
            } else if name == "BoxFuture" || name == "LocalBoxFuture" {
                // An alias, of which only the trait knows what its arguments mean.
                Some(Future { output: None })
            } else {
                None
            }
        }
        _ => None,
    }
}

fn future_bound(bound: &TypeParamBound) -> Option<Future> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let last = bound.path.segments.last()?;
    if last.ident != "Future" {
        return None;
    }
    let output = generic_arguments(&bound.path).find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(assoc.ty.clone()),
        _ => None,
    });
    Some(Future { output })
}

/// The first type among the arguments of a path's last segment.
fn argument(path: &Path) -> Option<Type> {
    generic_arguments(path).find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

fn generic_arguments(path: &Path) -> impl Iterator<Item = &GenericArgument> {
    let arguments = path.segments.last().map(|segment| &segment.arguments);
    arguments.into_iter().flat_map(|arguments| match arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().collect(),
        _ => Vec::new(),
    })
}

/// `impl Trait` may stand in the type of a function, but not in that of a closure or a binding.
fn without_impl_trait(mut ty: Type) -> Type {
    struct Erase;
    impl VisitMut for Erase {
        fn visit_type_mut(&mut self, node: &mut Type) {
            if matches!(node, Type::ImplTrait(_)) {
                *node = parse_quote!(_);
            } else {
                visit_mut::visit_type_mut(self, node);
            }
        }
    }
    Erase.visit_type_mut(&mut ty);
    ty
}

#[cfg(test)]
mod tests {
    use quote::ToTokens as _;

    use super::*;

    fn parsed(text: &str) -> Function {
        Function::parse(&text.parse().unwrap()).unwrap()
    }

    fn output(text: &str) -> Option<Type> {
        parsed(text).output
    }

    #[test]
    fn a_boxed_async_block_is_the_async_fn_it_was() {
        let function = parsed(
            "fn f<'a>(&'a self) -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = u8> + Send + 'a>>
             { Box::pin(async move { 1 }) }",
        );
        assert!(matches!(function.kind, Kind::Boxed(_)));
        assert_eq!(function.body.stmts.len(), 1);
        assert_eq!(function.output, Some(parse_quote!(u8)));
    }

    #[test]
    fn what_a_boxed_future_gives_is_asked_of_the_trait_where_its_name_does_not_tell() {
        let output = |ty: &str| output(&format!("fn f() -> {ty} {{ Box::pin(async move {{ g() }}) }}"));
        for ty in ["Self::Future", "BoxFuture<'_, u8>"] {
            let ty: Type = syn::parse_str(ty).unwrap();
            let projected = parse_quote!(<#ty as ::core::future::Future>::Output);
            assert_eq!(output(&ty.to_token_stream().to_string()), Some(projected));
        }
        assert_eq!(output("Pin<Box<impl Service>>"), None);
    }

    #[test]
    fn a_boxed_async_block_beside_other_statements_is_a_plain_body() {
        let function = parsed("fn f() -> BoxFuture<'static, u8> { g(); Box::pin(async move { 1 }) }");
        assert!(matches!(function.kind, Kind::Plain));
    }

    #[test]
    fn impl_trait_is_erased_at_any_depth() {
        assert_eq!(output("fn f() -> impl Copy { 1 }"), Some(parse_quote!(_)));
        assert_eq!(output("fn f() -> Result<Vec<impl Copy>, E> { g() }"), Some(parse_quote!(Result<Vec<_>, E>)));
        assert_eq!(output("fn f() {}"), Some(parse_quote!(())));
    }

    #[test]
    fn futures_are_known_by_name() {
        for ty in [
            "impl Future<Output = u8>",
            "impl Send + std::future::Future<Output = u8>",
            "Pin<Box<dyn Future<Output = u8> + Send>>",
        ] {
            let ty: Type = syn::parse_str(ty).unwrap();
            assert_eq!(future(&ty).and_then(|future| future.output), Some(parse_quote!(u8)));
        }
        assert!(future(&parse_quote!(futures::future::BoxFuture<'static, u8>)).is_some());
        for ty in ["Box<u8>", "impl Iterator<Item = u8>", "Result<u8, E>", "u8"] {
            assert!(future(&syn::parse_str(ty).unwrap()).is_none(), "{ty}");
        }
    }
}

//! The checks of the attribute: expressions, and what they name.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{
    Expr, ExprAsync, ExprAwait, ExprCall, ExprClosure, ExprConst, ExprPath, ExprReturn, ExprTry, Ident, Item, LitStr,
    Macro, PatIdent, Token,
};

use crate::snapshot;

/// A check: `expr`, or `name = expr`.
pub(crate) struct Check {
    /// As given, else the expression's own text.
    pub(crate) name: LitStr,
    pub(crate) expr: Expr,
}

impl Parse for Check {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let is_named = input.peek(Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]);
        if is_named {
            let name: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            return Ok(Self { name: LitStr::new(&name.unraw().to_string(), name.span()), expr: input.parse()? });
        }
        let expr: Expr = input.parse()?;
        let text = snapshot::written_or_printed(&expr.to_token_stream());
        let line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        Ok(Self { name: LitStr::new(&line, expr.span()), expr })
    }
}

/// A name that an expression uses and does not bind itself.
pub(crate) struct Used {
    pub(crate) ident: Ident,
    /// It may be a function's.
    pub(crate) is_called: bool,
}

/// The names that these checks use, each once.
pub(crate) fn used(checks: &[Check]) -> Vec<Used> {
    let mut names: Vec<Used> = Vec::new();
    for used in checks.iter().flat_map(Check::used) {
        match names.iter_mut().find(|known| known.ident == used.ident) {
            Some(known) if used.is_called >= known.is_called => {}
            Some(known) => *known = used,
            None => names.push(used),
        }
    }
    names
}

/// A place where an expression would leave its function.
pub(crate) struct Exit {
    pub(crate) at: Span,
    pub(crate) token: &'static str,
}

impl Check {
    /// The names that the expression uses, as far as they can be seen: not those inside macros of a grammar of their own.
    fn used(&self) -> Vec<Used> {
        let Names { mut used, bound, .. } = self.names();
        used.retain(|used| !bound.contains(&used.ident));
        used
    }

    /// What cannot stand in a closure, which is where the expression will stand.
    pub(crate) fn exits(&self) -> Vec<Exit> {
        self.names().exits
    }

    fn names(&self) -> Names {
        let mut names = Names::default();
        names.visit_expr(&self.expr);
        names
    }

    /// A name's first occurrence among the tokens, inside macros and texts too, where it may be another's.
    pub(crate) fn mention(&self, name: &Ident) -> Option<Ident> {
        mention(self.expr.to_token_stream(), name)
    }
}

fn mention(tokens: TokenStream, name: &Ident) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) => (ident == *name).then_some(ident),
        TokenTree::Group(group) => mention(group.stream(), name),
        TokenTree::Literal(text) => {
            let is_formatted = text.to_string().contains(&format!("{{{}", name.unraw()));
            is_formatted.then(|| Ident::new(&name.to_string(), text.span()))
        }
        TokenTree::Punct(_) => None,
    })
}

#[derive(Default)]
struct Names {
    used: Vec<Used>,
    bound: Vec<Ident>,
    exits: Vec<Exit>,
    /// How many closures and async blocks stand around: what leaves those does not leave the function.
    enclosed: usize,
}

impl Names {
    fn exit(&mut self, at: Span, token: &'static str) {
        if self.enclosed == 0 {
            self.exits.push(Exit { at, token });
        }
    }

    fn path(&mut self, node: &ExprPath, is_called: bool) {
        if let (None, Some(ident)) = (&node.qself, node.path.get_ident()) {
            self.used.push(Used { ident: ident.clone(), is_called });
        }
    }
}

impl Visit<'_> for Names {
    fn visit_expr_path(&mut self, node: &ExprPath) {
        self.path(node, false);
    }

    fn visit_expr_call(&mut self, node: &ExprCall) {
        match &*node.func {
            Expr::Path(func) => self.path(func, true),
            func => self.visit_expr(func),
        }
        node.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_pat_ident(&mut self, node: &PatIdent) {
        self.bound.push(node.ident.clone());
        visit::visit_pat_ident(self, node);
    }

    /// Most macros take expressions; of `matches!` the first is one, and its pattern binds names.
    fn visit_macro(&mut self, node: &Macro) {
        type Shown = Punctuated<Expr, Token![,]>;
        let first = |input: ParseStream| -> syn::Result<Shown> {
            let expr: Expr = input.parse()?;
            input.parse::<TokenStream>().map(|_| Shown::from_iter([expr]))
        };
        let tokens = node.tokens.clone();
        let is_matches = node.path.is_ident("matches");
        let shown = if is_matches { first.parse2(tokens) } else { Shown::parse_terminated.parse2(tokens) };
        for expr in shown.iter().flatten() {
            self.visit_expr(expr);
        }
    }

    fn visit_expr_await(&mut self, node: &ExprAwait) {
        self.exit(node.await_token.span, ".await");
        visit::visit_expr_await(self, node);
    }

    fn visit_expr_try(&mut self, node: &ExprTry) {
        self.exit(node.question_token.spans[0], "?");
        visit::visit_expr_try(self, node);
    }

    fn visit_expr_return(&mut self, node: &ExprReturn) {
        self.exit(node.return_token.span, "return");
        visit::visit_expr_return(self, node);
    }

    fn visit_expr_closure(&mut self, node: &ExprClosure) {
        self.enclosed += 1;
        visit::visit_expr_closure(self, node);
        self.enclosed -= 1;
    }

    fn visit_expr_async(&mut self, node: &ExprAsync) {
        self.enclosed += 1;
        visit::visit_expr_async(self, node);
        self.enclosed -= 1;
    }

    fn visit_expr_const(&mut self, _: &ExprConst) {}

    fn visit_item(&mut self, _: &Item) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Check {
        syn::parse_str(text).unwrap()
    }

    fn used(text: &str) -> Vec<String> {
        check(text).used().into_iter().map(|used| used.ident.to_string()).collect()
    }

    #[test]
    fn a_check_is_named_by_its_text_unless_it_has_a_name() {
        let name = |text| check(text).name.value();
        assert_eq!(name("enough = rows > 0").replace(' ', ""), "enough");
        assert_eq!(name("rows == 0").replace(' ', ""), "rows==0");
        assert_eq!(name("r#match = rows == 0"), "match");
    }

    #[test]
    fn names_are_those_that_are_used_and_not_bound() {
        assert_eq!(used("rows.len() > limit.rows"), ["rows", "limit"]);
        assert_eq!(used("crate::LIMIT > rows && Limits { rows: 1 }.hold()"), ["rows"]);
        assert_eq!(used("rows.iter().all(|row| row > limit)"), ["rows", "limit"]);
        assert_eq!(used("if let Some(row) = first { row > 0 } else { self.empty }"), ["first", "self"]);
        assert_eq!(used("matches!(ret, Ok(raw) if raw > 0) || format!(\"{}\", month) == a"), ["ret", "month", "a"]);
    }

    #[test]
    fn what_leaves_the_function_is_seen_outside_of_closures() {
        let exits = |text| check(text).exits().into_iter().map(|exit| exit.token).collect::<Vec<_>>();
        assert_eq!(exits("read(raw)? > 0 && ready.await"), ["?", ".await"]);
        assert_eq!(exits("if raw { return true } else { false }"), ["return"]);
        assert_eq!(exits("rows.iter().all(|row| { return row > 0 })"), [""; 0]);
    }

    #[test]
    fn a_name_is_mentioned_also_in_a_text_that_is_formatted() {
        let mentions = |text: &str| check(text).mention(&Ident::new("month", Span::call_site())).is_some();
        assert!(mentions("known(&format!(\"{month:02}\"))"));
        assert!(mentions("any!(of month)"));
        assert!(!mentions("months > 3"));
    }
}

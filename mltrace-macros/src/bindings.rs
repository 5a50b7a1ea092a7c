//! Finds the bindings of a function's body, and records what they bind right where they bind it.

use std::mem;

use syn::visit_mut::{self, VisitMut};
use syn::{
    Arm, Attribute, BinOp, Block, Expr, ExprAssign, ExprAsync, ExprClosure, ExprConst, ExprForLoop, ExprIf, ExprLoop,
    ExprRepeat, ExprWhile, Ident, Item, Local, Pat, PatIdent, PatType, PathArguments, Stmt, Token, Type, parse_quote,
};

/// A place at which a name is bound.
#[derive(Clone)]
pub(crate) struct Binding {
    pub(crate) ident: Ident,
    /// The `mut` of a name that may get another value later.
    pub(crate) mutable: Option<Token![mut]>,
    /// `None` where it is not seen to be a reference.
    pub(crate) reference: Option<Reference>,
    /// The `#[cfg]`s under which the name exists.
    pub(crate) cfgs: Vec<Attribute>,
    /// How many blocks stand around it; in the function's own block 0. An arm of a `match` is a block, and one with the
    /// block, `if` or `match` that is its body.
    pub(crate) depth: usize,
    /// The block it stands in: two bindings of one name in one block follow each other.
    pub(crate) block: usize,
    pub(crate) in_loop: bool,
    /// `let x;` gives none; what is assigned later does, as one more binding.
    pub(crate) has_value: bool,
    /// The last binding of the name before it at its depth, where that is still in scope.
    pub(crate) hides: Option<Box<Binding>>,
}

/// What a name is seen to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A `&`: it can be recorded without a reference to it, for which every call would put it aside.
    Shared,
    /// A `&mut`: what it points to may be written later.
    Exclusive,
}

impl Binding {
    pub(crate) fn is_exclusive(&self) -> bool {
        self.reference == Some(Reference::Exclusive)
    }
}

/// A binding where it cannot be followed: what runs there need not run in this call, or not once.
pub(crate) struct Hidden {
    pub(crate) ident: Ident,
    /// The kind of place, with its article.
    pub(crate) place: &'static str,
}

/// All bindings of a body.
#[derive(Default)]
pub(crate) struct Bindings {
    pub(crate) visible: Vec<Binding>,
    pub(crate) hidden: Vec<Hidden>,
}

/// Finds the bindings of a body.
pub(crate) fn find(body: &Block) -> Bindings {
    let mut visible = Vec::new();
    let mut found = |binding: &Binding| {
        visible.extend(binding.has_value.then(|| binding.clone()));
        Vec::new()
    };
    let mut walker = Walker::new(&mut found);
    walker.statements(&mut body.clone(), Vec::new());
    let hidden = walker.hidden;
    Bindings { visible, hidden }
}

/// Inserts what `records` answers for a binding at the first place where the bound value can be seen, and for one without
/// a value right after it.
pub(crate) fn insert(body: &mut Block, mut records: impl FnMut(&Binding) -> Vec<Stmt>) {
    Walker::new(&mut records).statements(body, Vec::new());
}

/// The names that a pattern binds, each once: the alternatives of `A(x) | B(x)` bind the same.
pub(crate) fn in_pattern(pat: &Pat) -> Vec<Binding> {
    let mut names = Names::default();
    names.visit_pat_mut(&mut pat.clone());
    names.found
}

type Records<'r> = &'r mut dyn FnMut(&Binding) -> Vec<Stmt>;

/// Walks a body in the order in which it is written.
struct Walker<'r> {
    records: Records<'r>,
    depth: usize,
    block: usize,
    blocks: usize,
    in_loop: bool,
    /// What is declared so far in the blocks around.
    declared: Vec<Binding>,
    hidden: Vec<Hidden>,
}

impl<'r> Walker<'r> {
    fn new(records: Records<'r>) -> Self {
        Self { records, depth: 0, block: 0, blocks: 0, in_loop: false, declared: Vec::new(), hidden: Vec::new() }
    }

    fn statements(&mut self, block: &mut Block, first: Vec<Stmt>) {
        let mut stmts = first;
        for mut stmt in mem::take(&mut block.stmts) {
            self.visit_stmt_mut(&mut stmt);
            let records = match &stmt {
                Stmt::Local(local) => self.local(local),
                _ => Vec::new(),
            };
            stmts.push(stmt);
            stmts.extend(records);
        }
        block.stmts = stmts;
    }

    /// The value is complete after the statement, also that of `let .. else`.
    fn local(&mut self, local: &Local) -> Vec<Stmt> {
        let mut bindings = self.pattern(&local.pat);
        for binding in &mut bindings {
            binding.cfgs.extend(cfgs(&local.attrs));
            if local.init.as_ref().is_some_and(|init| borrows(&local.pat, &init.expr)) {
                binding.reference = Some(Reference::Exclusive);
            }
            binding.has_value = local.init.is_some();
        }
        self.bound(bindings)
    }

    /// What a pattern binds in the block at hand.
    fn pattern(&self, pat: &Pat) -> Vec<Binding> {
        let mut bindings = in_pattern(pat);
        for binding in &mut bindings {
            binding.depth = self.depth;
            binding.block = self.block;
            binding.in_loop = self.in_loop;
        }
        bindings
    }

    fn bound(&mut self, bindings: Vec<Binding>) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        for mut binding in bindings {
            binding.hides = self.hidden_by(&binding).map(Box::new);
            stmts.extend((self.records)(&binding));
            self.declared.push(binding);
        }
        stmts
    }

    fn hidden_by(&self, binding: &Binding) -> Option<Binding> {
        let known = |known: &&Binding| known.ident == binding.ident && known.depth == binding.depth;
        self.declared.iter().rfind(known).cloned()
    }

    /// What the `let`s of a condition bind: they hold in the block that follows.
    fn condition(&mut self, cond: &Expr) -> Vec<Stmt> {
        match cond {
            Expr::Let(node) => self.bound(self.pattern(&node.pat)),
            Expr::Binary(node) if matches!(node.op, BinOp::And(_)) => {
                let mut stmts = self.condition(&node.left);
                stmts.extend(self.condition(&node.right));
                stmts
            }
            _ => Vec::new(),
        }
    }

    /// What an arm binds, also in a `let` of its guard.
    fn arm(&mut self, pat: &Pat) -> Vec<Stmt> {
        let mut stmts = self.bound(self.pattern(pat));
        if let Pat::Guard(node) = pat {
            stmts.extend(self.condition(&node.guard));
        }
        stmts
    }

    /// What the body binds is as deep as what the pattern binds, whatever form the body has. A block around nothing but
    /// another such form says nothing either: formatters put it there and take it away.
    fn arm_body(&mut self, body: &mut Expr, records: Vec<Stmt>) {
        let block = match body {
            Expr::Block(body) => &mut body.block,
            Expr::Unsafe(body) => &mut body.block,
            body => {
                let levels = usize::from(matches!(body, Expr::If(_) | Expr::Match(_)));
                self.depth -= levels;
                self.visit_expr_mut(body);
                self.depth += levels;
                if !records.is_empty() {
                    *body = parse_quote!({ #(#records)* #body });
                }
                return;
            }
        };
        match block.stmts.as_mut_slice() {
            [Stmt::Expr(only @ (Expr::Block(_) | Expr::Unsafe(_) | Expr::If(_) | Expr::Match(_)), None)] => {
                self.arm_body(only, records);
            }
            _ => self.statements(block, records),
        }
    }

    /// A value for a name that was declared without one. It counts as bound where it was declared.
    fn assignment(&mut self, node: &ExprAssign) -> Vec<Stmt> {
        let mut targets = Vec::new();
        assigned(&node.left, &mut targets);
        let mut stmts = Vec::new();
        for target in targets {
            let declared = self.declared.iter().rfind(|known| known.ident == target);
            if let Some(declaration) = declared.filter(|declaration| !declaration.has_value) {
                let mut binding = Binding { ident: target, has_value: true, hides: None, ..declaration.clone() };
                binding.cfgs.extend(cfgs(attributes(&node.left)));
                stmts.extend((self.records)(&binding));
            }
        }
        stmts
    }

    fn in_block(&mut self, walk: impl FnOnce(&mut Self)) {
        let (block, declared) = (self.block, self.declared.len());
        self.blocks += 1;
        self.block = self.blocks;
        self.depth += 1;
        walk(self);
        self.depth -= 1;
        self.block = block;
        self.declared.truncate(declared);
    }

    fn in_loop(&mut self, walk: impl FnOnce(&mut Self)) {
        let around = mem::replace(&mut self.in_loop, true);
        walk(self);
        self.in_loop = around;
    }

    fn hide(&mut self, place: &'static str, walk: impl FnOnce(&mut Names)) {
        let mut names = Names::default();
        walk(&mut names);
        let hidden = names.found.into_iter().map(|binding| Hidden { ident: binding.ident, place });
        self.hidden.extend(hidden);
    }
}

impl VisitMut for Walker<'_> {
    fn visit_block_mut(&mut self, node: &mut Block) {
        self.in_block(|walker| walker.statements(node, Vec::new()));
    }

    fn visit_expr_mut(&mut self, node: &mut Expr) {
        visit_mut::visit_expr_mut(self, node);
        if let Expr::Assign(assign) = node {
            let records = self.assignment(assign);
            if !records.is_empty() {
                *node = parse_quote!({ #node; #(#records)* });
            }
        }
    }

    fn visit_expr_if_mut(&mut self, node: &mut ExprIf) {
        self.visit_expr_mut(&mut node.cond);
        self.in_block(|walker| {
            let records = walker.condition(&node.cond);
            walker.statements(&mut node.then_branch, records);
        });
        if let Some((_, otherwise)) = &mut node.else_branch {
            self.visit_expr_mut(otherwise);
        }
    }

    fn visit_expr_while_mut(&mut self, node: &mut ExprWhile) {
        self.in_loop(|walker| {
            walker.visit_expr_mut(&mut node.cond);
            walker.in_block(|walker| {
                let records = walker.condition(&node.cond);
                walker.statements(&mut node.body, records);
            });
        });
    }

    fn visit_expr_for_loop_mut(&mut self, node: &mut ExprForLoop) {
        self.visit_expr_mut(&mut node.expr);
        self.in_loop(|walker| {
            walker.in_block(|walker| {
                let records = walker.bound(walker.pattern(&node.pat));
                walker.statements(&mut node.body, records);
            });
        });
    }

    fn visit_expr_loop_mut(&mut self, node: &mut ExprLoop) {
        self.in_loop(|walker| walker.visit_block_mut(&mut node.body));
    }

    fn visit_arm_mut(&mut self, node: &mut Arm) {
        self.in_block(|walker| {
            walker.visit_pat_mut(&mut node.pat);
            let records = walker.arm(&node.pat);
            walker.arm_body(&mut node.body, records);
        });
    }

    /// Of a pattern only the guard can hold statements of this function.
    fn visit_pat_mut(&mut self, node: &mut Pat) {
        if let Pat::Guard(node) = node {
            self.visit_expr_mut(&mut node.guard);
        }
    }

    fn visit_expr_closure_mut(&mut self, node: &mut ExprClosure) {
        self.hide("a closure", |names| visit_mut::visit_expr_closure_mut(names, node));
    }

    fn visit_expr_async_mut(&mut self, node: &mut ExprAsync) {
        self.hide("an async block", |names| visit_mut::visit_expr_async_mut(names, node));
    }

    fn visit_expr_const_mut(&mut self, node: &mut ExprConst) {
        self.hide("a `const` block", |names| visit_mut::visit_expr_const_mut(names, node));
    }

    fn visit_item_mut(&mut self, node: &mut Item) {
        let place = match node {
            Item::Fn(_) => "a nested function",
            _ => "a nested item",
        };
        self.hide(place, |names| visit_mut::visit_item_mut(names, node));
    }

    // The lengths of arrays and the arguments of types are constants: nothing of this call runs there.
    fn visit_expr_repeat_mut(&mut self, node: &mut ExprRepeat) {
        self.visit_expr_mut(&mut node.expr);
    }

    fn visit_type_mut(&mut self, _: &mut Type) {}

    fn visit_path_arguments_mut(&mut self, _: &mut PathArguments) {}

    fn visit_angle_bracketed_generic_arguments_mut(&mut self, _: &mut syn::AngleBracketedGenericArguments) {}
}

/// Collects the names that are bound anywhere in a piece of syntax.
#[derive(Default)]
struct Names {
    found: Vec<Binding>,
    cfgs: Vec<Attribute>,
}

impl VisitMut for Names {
    fn visit_pat_ident_mut(&mut self, node: &mut PatIdent) {
        if self.found.iter().all(|known| known.ident != node.ident) {
            let is_reference = node.by_ref.is_some();
            self.found.push(Binding {
                ident: node.ident.clone(),
                mutable: node.mutability.filter(|_| !is_reference),
                reference: node.by_ref.and(node.mutability).map(|_| Reference::Exclusive),
                cfgs: self.cfgs.clone(),
                depth: 0,
                block: 0,
                in_loop: false,
                has_value: true,
                hides: None,
            });
        }
        visit_mut::visit_pat_ident_mut(self, node);
    }

    fn visit_pat_type_mut(&mut self, node: &mut PatType) {
        let around = self.found.len();
        visit_mut::visit_pat_type_mut(self, node);
        for binding in &mut self.found[around..] {
            binding.reference = binding.reference.or_else(|| reference(&node.pat, &node.ty));
        }
    }

    fn visit_field_pat_mut(&mut self, node: &mut syn::FieldPat) {
        let around = self.cfgs.len();
        self.cfgs.extend(cfgs(&node.attrs));
        visit_mut::visit_field_pat_mut(self, node);
        self.cfgs.truncate(around);
    }
}

/// What the one name of a pattern is seen to be, by the type of the pattern.
fn reference(pat: &Pat, ty: &Type) -> Option<Reference> {
    match ty {
        Type::Reference(ty) if matches!(pat, Pat::Ident(_)) => {
            Some(ty.mutability.map_or(Reference::Shared, |_| Reference::Exclusive))
        }
        Type::Paren(ty) => reference(pat, &ty.elem),
        Type::Group(ty) => reference(pat, &ty.elem),
        _ => None,
    }
}

/// Whether the one name of a pattern is seen to be a `&mut`, by what it is bound to.
fn borrows(pat: &Pat, value: &Expr) -> bool {
    match (pat, value) {
        (Pat::Type(typed), _) => borrows(&typed.pat, value),
        (_, Expr::Paren(value)) => borrows(pat, &value.expr),
        (_, Expr::Group(value)) => borrows(pat, &value.expr),
        (Pat::Ident(_), Expr::Reference(value)) => value.mutability.is_some(),
        _ => false,
    }
}

/// The plain names among the targets of an assignment, also of a destructuring one.
fn assigned(target: &Expr, names: &mut Vec<Ident>) {
    match target {
        Expr::Path(node) => names.extend(node.path.get_ident().cloned()),
        Expr::Paren(node) => assigned(&node.expr, names),
        Expr::Tuple(node) => node.elems.iter().for_each(|elem| assigned(elem, names)),
        Expr::Array(node) => node.elems.iter().for_each(|elem| assigned(elem, names)),
        Expr::Call(node) => node.args.iter().for_each(|arg| assigned(arg, names)),
        Expr::Struct(node) => node.fields.iter().for_each(|field| assigned(&field.expr, names)),
        _ => {}
    }
}

/// The attributes of an assignment: they stand before its target, and the parser leaves them there.
fn attributes(target: &Expr) -> &[Attribute] {
    match target {
        Expr::Path(node) => &node.attrs,
        Expr::Tuple(node) => &node.attrs,
        Expr::Array(node) => &node.attrs,
        Expr::Call(node) => &node.attrs,
        Expr::Struct(node) => &node.attrs,
        _ => &[],
    }
}

/// The `#[cfg]`s among some attributes.
pub(crate) fn cfgs(attrs: &[Attribute]) -> impl Iterator<Item = Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned()
}

#[cfg(test)]
mod tests {
    use quote::ToTokens as _;
    use syn::parse_quote;

    use super::*;

    /// The body with `seen(x)` after each binding of `x` at the depth given.
    fn marked(mut body: Block, depth: usize) -> String {
        insert(&mut body, |binding| {
            if binding.ident != "x" || binding.depth != depth || !binding.has_value {
                return Vec::new();
            }
            let each = binding.in_loop.then(|| quote::quote!(, each));
            let (cfgs, ident) = (&binding.cfgs, &binding.ident);
            vec![parse_quote!(#(#cfgs)* seen(#ident #each);)]
        });
        body.to_token_stream().to_string()
    }

    fn is(marked: &str, expected: &Block) {
        assert_eq!(marked, expected.to_token_stream().to_string());
    }

    #[test]
    fn a_let_is_recorded_after_it() {
        is(
            &marked(
                parse_quote!({
                    let (x, Some(y)) = f() else { return };
                    g(x)
                }),
                0,
            ),
            &parse_quote!({
                let (x, Some(y)) = f() else { return };
                seen(x);
                g(x)
            }),
        );
    }

    #[test]
    fn only_the_depth_that_counts_is_recorded() {
        let body: Block = parse_quote!({
            {
                let x = 1;
            }
            let x = {
                let x = 2;
                x
            };
        });
        is(
            &marked(body.clone(), 0),
            &parse_quote!({
                {
                    let x = 1;
                }
                let x = {
                    let x = 2;
                    x
                };
                seen(x);
            }),
        );
        is(
            &marked(body, 1),
            &parse_quote!({
                {
                    let x = 1;
                    seen(x);
                }
                let x = {
                    let x = 2;
                    seen(x);
                    x
                };
            }),
        );
    }

    #[test]
    fn conditions_bind_in_the_block_that_follows() {
        is(
            &marked(
                parse_quote!({
                    if let Some(x) = f()
                        && x > 0
                    {
                        g()
                    } else if let Ok(x) = h() {
                    }
                }),
                1,
            ),
            &parse_quote!({
                if let Some(x) = f()
                    && x > 0
                {
                    seen(x);
                    g()
                } else if let Ok(x) = h() {
                    seen(x);
                }
            }),
        );
        is(
            &marked(
                parse_quote!({
                    while let Some(x) = f() {
                        g()
                    }
                }),
                1,
            ),
            &parse_quote!({
                while let Some(x) = f() {
                    seen(x, each);
                    g()
                }
            }),
        );
    }

    #[test]
    fn an_arm_is_as_deep_as_its_block() {
        let block = |text: &str| syn::parse_str::<Block>(text).unwrap();
        let body = block("{ match f() { C => { let x = 1; g(x) } A(x) | B(x) if x > 0 => g(x) } }");
        is(
            &marked(body, 1),
            &block("{ match f() { C => { let x = 1; seen(x); g(x) } A(x) | B(x) if x > 0 => { seen(x); g(x) } } }"),
        );
    }

    #[test]
    fn a_loop_records_each_value() {
        is(
            &marked(
                parse_quote!({
                    for x in f() {
                        g(x)
                    }
                    loop {
                        let x = 1;
                        break;
                    }
                }),
                1,
            ),
            &parse_quote!({
                for x in f() {
                    seen(x, each);
                    g(x)
                }
                loop {
                    let x = 1;
                    seen(x, each);
                    break;
                }
            }),
        );
    }

    #[test]
    fn a_deferred_binding_is_recorded_where_it_gets_its_value() {
        is(
            &marked(
                parse_quote!({
                    let x;
                    let y = 1;
                    if c {
                        x = 1;
                    } else {
                        (x, _) = (2, 3)
                    }
                    y = 2;
                }),
                0,
            ),
            &parse_quote!({
                let x;
                let y = 1;
                if c {
                    {
                        x = 1;
                        seen(x);
                    };
                } else {
                    {
                        (x, _) = (2, 3);
                        seen(x);
                    }
                }
                y = 2;
            }),
        );
    }

    #[test]
    fn an_assignment_to_an_inner_binding_is_none_to_the_outer_one() {
        let body: Block = parse_quote!({
            let x;
            {
                let mut x = 1;
                x = 2;
            }
            x = 3;
        });
        is(
            &marked(body, 0),
            &parse_quote!({
                let x;
                {
                    let mut x = 1;
                    x = 2;
                }
                {
                    x = 3;
                    seen(x);
                };
            }),
        );
    }

    #[test]
    fn a_cfg_of_the_binding_is_one_of_the_record() {
        is(
            &marked(
                parse_quote!({
                    #[cfg(unix)]
                    let x = 1;
                    let S {
                        #[cfg(windows)]
                        x,
                        y,
                    } = s;
                }),
                0,
            ),
            &parse_quote!({
                #[cfg(unix)]
                let x = 1;
                #[cfg(unix)]
                seen(x);
                let S {
                    #[cfg(windows)]
                    x,
                    y,
                } = s;
                #[cfg(windows)]
                seen(x);
            }),
        );
    }

    #[test]
    fn constants_hold_no_statements_of_this_call() {
        let body: Block = parse_quote!({
            let y = [0; {
                let x = 1;
                x
            }];
            f::<
                {
                    let x = 2;
                    x
                },
            >(
                y as [u8; {
                    let x = 3;
                    x
                }],
            );
        });
        is(&marked(body.clone(), 1), &body);
    }

    #[test]
    fn what_runs_elsewhere_is_hidden() {
        let found = find(&parse_quote!({
            let f = |x| {
                let y = x;
                y
            };
            async {
                let a = 1;
            };
            const {
                let c = 1;
            };
            fn g(p: u8) {
                let n = p;
            }
        }));
        let visible: Vec<_> = found.visible.iter().map(|binding| binding.ident.to_string()).collect();
        assert_eq!(visible, ["f"]);
        let hidden: Vec<_> = found.hidden.iter().map(|hidden| (hidden.ident.to_string(), hidden.place)).collect();
        let expected = [
            ("x", "a closure"),
            ("y", "a closure"),
            ("a", "an async block"),
            ("c", "a `const` block"),
            ("p", "a nested function"),
            ("n", "a nested function"),
        ];
        assert_eq!(hidden, expected.map(|(name, place)| (name.to_owned(), place)));
    }
}

//! The grammar of the attribute. What one argument alone can get wrong is refused here; what it means for the
//! function is the business of [`crate::component`].

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Error, Ident, LitStr, Path, Token, parenthesized};

use crate::checks::Check;

/// The keys of the attribute, in the order in which the docs list them.
const KEYS: [&str; 18] = [
    "name",
    "owner",
    "description",
    "tags",
    "inputs",
    "outputs",
    "params",
    "partition",
    "labels",
    "before",
    "after",
    "blocking",
    "deny_retracted",
    "endpoint",
    "stale_after",
    "buffered",
    "run",
    "crate",
];

/// The arguments as written, and every mistake in them: the rest is kept, so that all can be told at once.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) name: Option<LitStr>,
    pub(crate) owner: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) inputs: Vec<Pointer>,
    pub(crate) outputs: Vec<Pointer>,
    pub(crate) params: Vec<Ident>,
    pub(crate) partition: Option<Ident>,
    pub(crate) labels: Vec<Target>,
    pub(crate) before: Vec<Check>,
    pub(crate) after: Vec<Check>,
    /// The key, where it is given.
    pub(crate) blocking: Option<Ident>,
    /// The key, where it is given.
    pub(crate) deny_retracted: Option<Ident>,
    pub(crate) endpoint: bool,
    /// In seconds.
    pub(crate) stale_after: Option<u64>,
    pub(crate) buffered: bool,
    pub(crate) run: Option<Ident>,
    pub(crate) krate: Option<Path>,
    pub(crate) errors: Vec<Error>,
}

/// One item of `inputs` or `outputs`; those of `labels` are targets alone.
pub(crate) struct Pointer {
    pub(crate) target: Target,
    /// The variant of the runtime's `PointerType`, where the item gives one.
    pub(crate) pointer_type: Option<&'static str>,
}

/// What an item names.
pub(crate) enum Target {
    Name(Ident),
    Literal(LitStr),
    Return(Token![return]),
}

impl Parse for Args {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut args = Self::default();
        let mut seen = Vec::new();
        let errors = each(input, |input| args.argument(input, &mut seen));
        args.errors.extend(errors);
        Ok(args)
    }
}

impl Args {
    fn argument(&mut self, input: ParseStream, seen: &mut Vec<Ident>) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error(format!("expected an argument; {}", known_keys())));
        }
        let key = input.call(Ident::parse_any)?;
        if !KEYS.iter().any(|known| key == known) {
            let message = format!("unknown argument `{key}`; {}", known_keys());
            return Err(Error::new(key.span(), message));
        }
        if seen.contains(&key) {
            let message = format!("`{key}` is given twice; {}", known_keys());
            return Err(Error::new(key.span(), message));
        }
        seen.push(key.clone());
        self.value(&key, input)
    }

    fn value(&mut self, key: &Ident, input: ParseStream) -> syn::Result<()> {
        match key.to_string().as_str() {
            "name" => self.name = Some(assigned(input).and_then(name)?),
            "owner" => self.owner = Some(assigned(input).and_then(text)?),
            "description" => self.description = Some(assigned(input).and_then(text)?),
            "tags" => self.tags = self.list(key, input, |tag| tag.parse().and_then(name))?,
            "inputs" => self.inputs = self.list(key, input, input_item)?,
            "outputs" => self.outputs = self.list(key, input, Pointer::parse)?,
            "params" => self.params = self.list(key, input, value_name)?,
            "partition" => {
                input.parse::<Token![=]>()?;
                self.partition = Some(value_name(input)?);
            }
            "labels" => self.labels = self.list(key, input, label)?,
            "before" => self.before = self.list(key, input, Check::parse)?,
            "after" => self.after = self.list(key, input, Check::parse)?,
            "blocking" => self.blocking = Some(key.clone()),
            "deny_retracted" => self.deny_retracted = Some(key.clone()),
            "endpoint" => self.endpoint = true,
            "stale_after" => self.stale_after = Some(assigned(input).and_then(|age| seconds(&age))?),
            "buffered" => self.buffered = true,
            "run" => self.run = Some(assigned(input)?),
            _ => {
                input.parse::<Token![=]>()?;
                self.krate = Some(input.call(Path::parse_mod_style)?);
            }
        }
        Ok(())
    }

    /// The items of `key(..)`, without those that are wrong.
    fn list<T>(
        &mut self,
        key: &Ident,
        input: ParseStream,
        item: fn(ParseStream) -> syn::Result<T>,
    ) -> syn::Result<Vec<T>> {
        let content;
        parenthesized!(content in input);
        if content.is_empty() {
            let message = format!("`{key}` is empty: name at least one, or leave it out; {}", known_keys());
            return Err(Error::new(key.span(), message));
        }
        let mut items = Vec::new();
        let errors = each(&content, |content| {
            items.push(item(content)?);
            Ok(())
        });
        self.errors.extend(errors);
        Ok(items)
    }
}

impl Parse for Pointer {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let typed = input.peek(Ident) && input.peek2(syn::token::Paren);
        if !typed {
            return Ok(Self { target: input.parse()?, pointer_type: None });
        }
        let name: Ident = input.parse()?;
        let pointer_type = match name.to_string().as_str() {
            "data" => "Data",
            "model" => "Model",
            "endpoint" => "Endpoint",
            _ => {
                let message = format!("unknown pointer type `{name}`; known are `data`, `model` and `endpoint`");
                return Err(Error::new(name.span(), message));
            }
        };
        let content;
        parenthesized!(content in input);
        let target = content.parse().and_then(|target| {
            if content.is_empty() { Ok(target) } else { Err(content.error(format!("`{name}(..)` takes one item"))) }
        });
        // What is left over would be an error by itself, and hide all others.
        content.parse::<TokenStream>()?;
        Ok(Self { target: target?, pointer_type: Some(pointer_type) })
    }
}

impl Target {
    /// What tells it from others.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Name(name) => name.to_string(),
            Self::Literal(text) => format!("{:?}", text.value()),
            Self::Return(_) => "return".to_owned(),
        }
    }
}

impl ToTokens for Target {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Name(name) => name.to_tokens(tokens),
            Self::Literal(text) => text.to_tokens(tokens),
            Self::Return(token) => token.to_tokens(tokens),
        }
    }
}

impl Parse for Target {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        if input.peek(LitStr) {
            input.parse().and_then(name).map(Self::Literal)
        } else if input.peek(Token![return]) {
            input.parse().map(Self::Return)
        } else {
            value_name(input).map(Self::Name)
        }
    }
}

/// Nothing has been returned yet when a function reads.
fn input_item(input: ParseStream) -> syn::Result<Pointer> {
    let pointer: Pointer = input.parse()?;
    match pointer.target {
        Target::Return(token) => {
            Err(Error::new(token.span(), "`return` is an output: it cannot be read before the function has ended"))
        }
        _ => Ok(pointer),
    }
}

fn label(input: ParseStream) -> syn::Result<Target> {
    match input.parse()? {
        Target::Return(token) => Err(Error::new(token.span(), "a label is for what is read; nothing is returned yet")),
        target => Ok(target),
    }
}

/// The name of a parameter or binding; `self` is a parameter too.
fn value_name(input: ParseStream) -> syn::Result<Ident> {
    if input.peek(Token![self]) {
        return input.call(Ident::parse_any);
    }
    input.parse().map_err(|error| Error::new(error.span(), "expected the name of a parameter or binding"))
}

/// The value of `key = value`.
fn assigned<T: Parse>(input: ParseStream) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

// What the store does not take: a compile error is seen sooner than its warning.

fn name(name: LitStr) -> syn::Result<LitStr> {
    if name.value().trim().is_empty() {
        return Err(Error::new(name.span(), "expected a text that is not empty"));
    }
    bounded(name, 4 << 10)
}

fn text(text: LitStr) -> syn::Result<LitStr> {
    bounded(text, 64 << 10)
}

fn bounded(text: LitStr, limit: usize) -> syn::Result<LitStr> {
    let value = text.value();
    if value.contains('\0') {
        return Err(Error::new(text.span(), "expected a text without a NUL byte"));
    }
    if value.len() > limit {
        let message = format!("expected a text of at most {limit} bytes; this has {}", value.len());
        return Err(Error::new(text.span(), message));
    }
    Ok(text)
}

/// An age such as `"36h"`, in seconds.
fn seconds(age: &LitStr) -> syn::Result<u64> {
    let text = age.value();
    let seconds = text.char_indices().last().and_then(|(at, unit)| {
        let each: u64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            'w' => 7 * 24 * 60 * 60,
            _ => return None,
        };
        text[..at].parse::<u64>().ok()?.checked_mul(each)
    });
    seconds.ok_or_else(|| {
        let message = "expected an age: a whole number and `s`, `m`, `h`, `d` or `w`, as in \"30d\"";
        Error::new(age.span(), message)
    })
}

/// Parses what stands between commas, each by itself: a wrong one is skipped to the next comma and told.
fn each(input: ParseStream, mut parse: impl FnMut(ParseStream) -> syn::Result<()>) -> Vec<Error> {
    let mut errors = Vec::new();
    while !input.is_empty() {
        let parsed = parse(input).and_then(|()| {
            if input.is_empty() || input.peek(Token![,]) { Ok(()) } else { Err(input.error("expected `,`")) }
        });
        errors.extend(parsed.err());
        while !input.is_empty() && input.parse::<Option<Token![,]>>().is_ok_and(|comma| comma.is_none()) {
            // A token always parses where the stream is not at its end.
            let _ = input.parse::<TokenTree>();
        }
    }
    errors
}

fn known_keys() -> String {
    format!("the arguments are `{}`", KEYS.join("`, `"))
}

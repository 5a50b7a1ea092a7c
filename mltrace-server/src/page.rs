//! Pages, by a template engine that escapes whatever is put in.

use askama::Template;
use serde_json::Value;

/// Every operation, with its questions and its body.
#[derive(Template)]
#[template(path = "docs.html")]
struct Shown<'d> {
    docs: &'d Docs,
    theme: Option<&'static str>,
}

/// What there is to say of the interface.
pub(crate) struct Docs {
    about: String,
    operations: Vec<Operation>,
    schemas: Vec<Schema>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    parameters: Vec<Parameter>,
    body: Option<String>,
    status: String,
    answer: String,
}

struct Parameter {
    name: String,
    place: String,
    required: bool,
    description: String,
}

/// A type, by its name and as JSON.
struct Schema {
    name: String,
    text: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'m> {
    message: Option<&'m str>,
    /// The page that is shown afterwards.
    to: &'m str,
    theme: Option<&'static str>,
}

impl Docs {
    pub(crate) fn of(document: &Value) -> Self {
        let operations = entries(&document["paths"]).flat_map(|(path, methods)| {
            entries(methods).map(move |(method, described)| operation(path, method, described))
        });
        let schemas = entries(&document["components"]["schemas"])
            .map(|(name, schema)| Schema { name: name.to_owned(), text: pretty(schema) });
        let about = text(&document["info"]["description"]);
        Self { about, operations: operations.collect(), schemas: schemas.collect() }
    }
}

/// The description of the interface for people, in the colours that were chosen.
pub(crate) fn docs(docs: &Docs, theme: Option<&'static str>) -> String {
    render(&Shown { docs, theme })
}

/// The page on which a token is given.
pub(crate) fn login(message: Option<&str>, to: &str, theme: Option<&'static str>) -> String {
    render(&Login { message, to, theme })
}

fn render(page: &impl Template) -> String {
    page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page cannot be made");
        String::new()
    })
}

fn operation(path: &str, method: &str, operation: &Value) -> Operation {
    let parameter = |parameter: &Value| Parameter {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        required: parameter["required"] == true,
        description: text(&parameter["description"]),
    };
    let schema = |holder: &Value| holder["content"]["application/json"]["schema"].clone();
    let body = operation.get("requestBody").map(|body| pretty(&schema(body)));
    let answered = entries(&operation["responses"]).find(|(status, _)| *status != "default");
    let (status, answer) =
        answered.map_or_else(Default::default, |(status, answer)| (status.to_owned(), schema(answer)));
    let answer = answer["$ref"].as_str().and_then(|place| place.rsplit('/').next()).unwrap_or_default().to_owned();
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        description: text(&operation["description"]),
        parameters: operation["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        body,
        status,
        answer,
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

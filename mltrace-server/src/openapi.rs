//! The description of the interface, OpenAPI 3.1, gathered from the types that are read and written.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::api::Operation;
use crate::problem::{MEDIA_TYPE, Problem};

const ABOUT: &str = "Runs of pipelines: logged from any language, and asked about. A name that holds slashes may be given \
    in a path as it is, or with each as %2F. Lists come in pages: give the `next` of a page back as `after`. Times are \
    RFC 3339. What does not have the form that is described here is answered with 400, and what has it but cannot be meant \
    with 422.";

/// What is described so far.
pub(crate) struct Document {
    answers: SchemaGenerator,
    paths: BTreeMap<String, Map<String, Value>>,
}

impl Document {
    pub(crate) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self { answers: settings.into_generator(), paths: BTreeMap::new() }
    }

    /// Adds an operation, of the types of its path, its question, its body and its answer.
    pub(crate) fn add<P: JsonSchema, Q: JsonSchema, B: JsonSchema, A: JsonSchema>(&mut self, operation: Operation) {
        let problem = self.answers.subschema_for::<Problem>();
        let mut described = json!({
            "operationId": operation.id,
            "summary": operation.summary,
            "description": format!("Needs the role `{}`.", operation.role),
            "tags": [tag(operation.path)],
            "parameters": ([parameters::<P>("path"), parameters::<Q>("query")].concat()),
            "responses": {
                operation.status.as_str(): {
                    "description": operation.status.canonical_reason().unwrap_or_default(),
                    "content": { "application/json": { "schema": self.answers.subschema_for::<A>() } },
                },
                "default": {
                    "description": "What went wrong, and what to do about it",
                    "content": { MEDIA_TYPE: { "schema": problem } },
                },
            },
        });
        if let Some(body) = body::<B>() {
            described["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": body } } });
        }
        self.paths
            .entry(format!("/api/v1{}", operation.path))
            .or_default()
            .insert(operation.method.to_owned(), described);
    }

    /// The whole of it.
    pub(crate) fn finish(mut self) -> Value {
        json!({
            "openapi": "3.1.0",
            "info": { "title": "mltrace", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
            "paths": self.paths,
            "components": {
                "schemas": self.answers.take_definitions(true),
                "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            },
            "security": [{}, { "token": [] }],
        })
    }
}

/// The first word of a path.
fn tag(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

/// What is read is described in place, apart from what is written, for a type can differ between the two.
fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("title");
    }
    schema
}

fn body<B: JsonSchema>() -> Option<Value> {
    let schema = schema_of::<B>();
    (schema["type"] != "null").then_some(schema)
}

/// A parameter for each field of a type.
fn parameters<T: JsonSchema>(place: &str) -> Vec<Value> {
    let schema = schema_of::<T>();
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, field)| {
            let mut field = without_null(field.clone());
            let description = field.as_object_mut().and_then(|field| field.remove("description"));
            json!({
                "name": name,
                "in": place,
                "required": required.contains(&name.as_str()),
                "description": description.unwrap_or_default(),
                "schema": field,
            })
        })
        .collect()
}

/// The schema of a parameter that is there: null is what it is where it is left out.
fn without_null(mut schema: Value) -> Value {
    if schema["format"] == "uint32" {
        schema["maximum"] = u32::MAX.into();
    }
    let is_null = |value: &Value| value == "null" || value["type"] == "null";
    for key in ["type", "anyOf", "enum"] {
        let Some(kinds) = schema.get_mut(key).and_then(Value::as_array_mut) else { continue };
        kinds.retain(|kind| !is_null(kind) && !kind.is_null());
        if let [only] = kinds.as_slice()
            && key == "type"
        {
            schema[key] = only.clone();
        }
    }
    schema
}

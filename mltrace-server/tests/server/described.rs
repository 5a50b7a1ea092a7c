//! The description of the interface, and whether answers are as it says.

use serde_json::{Value, json};

use crate::client::Server;

async fn document(server: &Server) -> Value {
    server.get("/api/openapi.json").gives(200).await
}

/// Whether a value is as a schema says, in the words that are used here.
fn fits(document: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let Some(schema) = schema.as_object() else {
        return if schema == &json!(false) { Err(place.into()) } else { Ok(()) };
    };
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target =
            document.pointer(reference.strip_prefix('#').unwrap()).ok_or(format!("{reference} leads nowhere"))?;
        fits(document, target, value, place)?;
    }
    for (word, all) in [("anyOf", false), ("oneOf", false), ("allOf", true)] {
        let Some(parts) = schema.get(word).and_then(Value::as_array) else { continue };
        let mut fitting = parts.iter().map(|part| fits(document, part, value, place));
        if all {
            fitting.collect::<Result<(), _>>()?;
        } else if !fitting.any(|part| part.is_ok()) {
            return Err(format!("{place} fits none of {word}"));
        }
    }
    if let Some(kind) = schema.get("type") {
        let is = |kind: &Value| match kind.as_str().unwrap() {
            "null" => value.is_null(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        if !kind.as_array().map_or_else(|| is(kind), |kinds| kinds.iter().any(is)) {
            return Err(format!("{place} is no {kind}: {value}"));
        }
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema.get("enum").is_some_and(|any| !any.as_array().unwrap().contains(value))
    {
        return Err(format!("{place} may not be {value}"));
    }
    if let Some(object) = value.as_object() {
        for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            object.get(key.as_str().unwrap()).ok_or(format!("{place} lacks {key}"))?;
        }
        for (key, value) in object {
            let described = schema.get("properties").and_then(|properties| properties.get(key));
            if let Some(part) = described.or(schema.get("additionalProperties")) {
                fits(document, part, value, &format!("{place}/{key}"))?;
            }
        }
    }
    if let (Some(items), Some(parts)) = (value.as_array(), schema.get("items")) {
        items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| fits(document, parts, item, &format!("{place}/{index}")))?;
    }
    Ok(())
}

#[tokio::test]
async fn every_route_of_the_design_is_described() {
    let document = document(&Server::new()).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut described: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described.push(format!("{method} {}", path.strip_prefix("/api/v1").unwrap()));
            for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let is_it = |parameter: &Value| {
                    parameter["name"] == part && parameter["in"] == "path" && parameter["required"] == true
                };
                assert!(operation["parameters"].as_array().unwrap().iter().any(is_it), "{path} lacks {part}");
            }
        }
    }
    described.sort();
    let expected = [
        "delete /pointers/{name}/flag",
        "get /components",
        "get /components/{name}",
        "get /components/{name}/runs",
        "get /diff",
        "get /impact",
        "get /labels",
        "get /pointers/{name}",
        "get /review",
        "get /runs",
        "get /runs/{run}",
        "get /stale",
        "get /tags",
        "get /tasks",
        "get /tasks/{name}/drift",
        "get /tasks/{name}/metrics",
        "get /tasks/{name}/profile",
        "get /tasks/{name}/retrain",
        "get /trace",
        "get /verify",
        "post /labels/{name}/retract",
        "post /lineage",
        "post /lineage/batch",
        "post /runs",
        "post /runs/{run}/notes",
        "post /tasks/{name}/feedback",
        "post /tasks/{name}/outputs",
        "put /components/{name}/tags",
        "put /pointers/{name}/flag",
        "put /runs/{run}/notes",
    ];
    assert_eq!(described, expected);
}

/// The place of a null, which no word of a description may be.
fn null_in(value: &Value, place: &str) -> Option<String> {
    match value {
        Value::Null => Some(place.to_owned()),
        Value::Array(items) => items.iter().find_map(|item| null_in(item, place)),
        Value::Object(fields) => {
            // A default and a choice may be null.
            let words = fields.iter().filter(|(word, _)| !["default", "enum", "const"].contains(&word.as_str()));
            words.into_iter().find_map(|(word, value)| null_in(value, &format!("{place}/{word}")))
        }
        _ => None,
    }
}

#[tokio::test]
async fn the_description_says_nothing_empty() {
    let document = document(&Server::new()).await;
    assert_eq!(null_in(&document, ""), None);
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(parameters.iter().all(|one| one["description"] != ""), "{path} has a parameter without a word");
        }
    }
}

#[tokio::test]
async fn a_form_is_called_by_what_it_holds_and_not_by_a_number() {
    let document = document(&Server::new()).await;
    let names: Vec<_> = document["components"]["schemas"].as_object().unwrap().keys().collect();
    assert!(names.iter().any(|name| *name == "PageOfRunRecord"), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with(|last: char| last.is_ascii_digit())), "{names:?}");
}

#[tokio::test]
async fn answers_are_as_they_are_described() {
    let server = Server::new();
    server.run("clean", "raw", "rides");
    server.run("train", "rides", "forest");
    server.run("clean", "raw", "rides");
    server.tracer.label("raw", "mark").write().unwrap();
    server.tracer.flag("forest").unwrap();
    server.tracer.retract("mark", "x").write().unwrap();
    server.tracer.task("tip").unwrap().log_output("ride-1", 0.5).unwrap();
    let document = document(&server).await;
    for (operation, path) in [
        ("/runs", "/runs"),
        ("/runs/{run}", "/runs/2"),
        ("/components", "/components"),
        ("/components/{name}", "/components/clean"),
        ("/components/{name}/runs", "/components/clean/runs"),
        ("/tags", "/tags"),
        ("/labels", "/labels"),
        ("/stale", "/stale"),
        ("/pointers/{name}", "/pointers/rides"),
        ("/trace", "/trace?output=forest"),
        ("/impact", "/impact?pointer=raw"),
        ("/impact", "/impact?label=mark"),
        ("/diff", "/diff?before=1&after=3"),
        ("/review", "/review"),
        ("/verify", "/verify"),
        ("/tasks", "/tasks"),
        ("/tasks/{name}/metrics", "/tasks/tip/metrics?metric=f1"),
        ("/tasks/{name}/profile", "/tasks/tip/profile?until=2100-01-01&days=40000"),
        ("/tasks/{name}/retrain", "/tasks/tip/retrain"),
    ] {
        let content = &document["paths"][format!("/api/v1{operation}")]["get"]["responses"]["200"]["content"];
        let answer = server.get(&format!("/api/v1{path}")).gives(200).await;
        fits(&document, &content["application/json"]["schema"], &answer, path).unwrap();
    }
    let problem =
        &document["paths"]["/api/v1/runs"]["get"]["responses"]["default"]["content"]["application/problem+json"];
    let answer = server.post("/v1/runs", &json!([{}])).send().await;
    fits(&document, &problem["schema"], &answer.json(), "problem").unwrap();
}

#[tokio::test]
async fn a_key_that_is_always_there_is_described_so() {
    let document = document(&Server::new()).await;
    let run = &document["components"]["schemas"]["RunRecord"];
    let keys: Vec<_> = run["properties"].as_object().unwrap().keys().collect();
    assert_eq!(run["required"].as_array().unwrap().len(), keys.len(), "null where unknown, and never left out");
    let body = &document["paths"]["/api/v1/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["anyOf"][0]["required"], json!(["component", "started_at"]));
    assert_eq!(body["anyOf"][0]["additionalProperties"], false);
}

#[tokio::test]
async fn the_page_shows_every_operation_and_needs_nothing_from_elsewhere() {
    let server = Server::new();
    let document = document(&server).await;
    let answer = server.get("/api/docs").send().await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    let page = answer.text();
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.contains(path.as_str()), "{path}");
    }
    assert!(!page.contains("http://") && !page.contains("src=\"//"));
    let style = page.split('"').find(|part| part.ends_with("style.css")).unwrap();
    let style = server.get(style).send().await;
    assert_eq!(
        (style.status.as_u16(), &style.headers["content-type"]),
        (200, &"text/css; charset=utf-8".parse().unwrap())
    );
}

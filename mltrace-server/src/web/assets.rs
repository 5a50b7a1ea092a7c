//! What pages load beside themselves. All of it is in the program: no page asks another server for anything.

use std::fmt;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::nothing_here;

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Files by their names. Those in `vendor/` came from others; `vendor/README.md` names their versions and licences.
const FILES: [(&str, &str, &str); 8] = [
    ("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
    ("style.css", STYLE, include_str!("../../assets/style.css")),
    ("page.js", SCRIPT, include_str!("../../assets/page.js")),
    ("htmx.js", SCRIPT, include_str!("../../assets/vendor/htmx.js")),
    ("highlight.js", SCRIPT, include_str!("../../assets/vendor/highlight.js")),
    ("highlight-python.js", SCRIPT, include_str!("../../assets/vendor/highlight-python.js")),
    ("highlight-rust.js", SCRIPT, include_str!("../../assets/vendor/highlight-rust.js")),
    ("highlight-sql.js", SCRIPT, include_str!("../../assets/vendor/highlight-sql.js")),
];

/// Changes with any of the files, so that a browser may keep them for ever.
static EDITION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = blake3::Hasher::new();
    for (.., text) in &FILES {
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(12).collect()
});

pub(super) fn router() -> Router {
    Router::new().route("/assets/{edition}/{name}", get(file))
}

/// Where a file is.
pub(crate) fn asset(name: &str) -> impl fmt::Display {
    format!("/assets/{}/{name}", *EDITION)
}

async fn file(uri: Uri, Path((_, name)): Path<(String, String)>) -> Response {
    let Some((_, kind, text)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return nothing_here(uri).await.into_response();
    };
    let headers = [(CONTENT_TYPE, *kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (StatusCode::OK, headers, *text).into_response()
}

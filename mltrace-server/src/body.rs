//! Bodies, read within their limits.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::described::Described;
use crate::problem::{Fault, Problem};

/// Bodies up to this size, in bytes, are read without asking for room.
const SMALL: usize = 1 << 20;

/// How bodies are read.
#[derive(Debug)]
pub(crate) struct Reading {
    /// In bytes, once it is decompressed.
    pub(crate) limit: usize,
    /// How long its sender may take.
    pub(crate) patience: Duration,
    /// Room for those that are large, so that many of them do not fill the memory.
    pub(crate) large: Semaphore,
}

impl Reading {
    pub(crate) async fn read(&self, body: Body) -> Result<Vec<u8>, Problem> {
        let slow = |_| {
            let detail = format!("the body did not arrive within {} s: send less at a time", self.patience.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
        };
        tokio::time::timeout(self.patience, self.collect(body)).await.map_err(slow)?
    }

    async fn collect(&self, mut body: Body) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        let mut room = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > self.limit {
                return Err(too_large(self.limit));
            }
            if room.is_none() && bytes.len() + data.len() > SMALL {
                let full = |_| Problem::overloaded("too many large bodies are being read");
                room = Some(self.large.try_acquire().map_err(full)?);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body has more than {limit} bytes: send less at a time");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// A body that ended in an error: over a limit below this one, cut off, or not what its encoding says.
fn broken(error: &axum::Error) -> Problem {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large: send less at a time");
        }
        cause = error.source();
    }
    Problem::bad_request(format!("the body cannot be read: {error}"))
}

/// What a body is read as.
pub(crate) trait FromBody: Sized + Send + 'static {
    /// The type that describes it; `()` where there is none.
    type Described: JsonSchema;
    const IS_NONE: bool = false;

    fn from_body(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Problem>;
}

/// No body. What is sent all the same is not looked at.
impl FromBody for () {
    type Described = ();
    const IS_NONE: bool = true;

    fn from_body(_: &HeaderMap, _: &[u8]) -> Result<Self, Problem> {
        Ok(())
    }
}

/// A body of JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Send + 'static> FromBody for Json<T> {
    type Described = T;

    fn from_body(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Problem> {
        expect_json(headers)?;
        let text = as_text(bytes)?;
        parse(text).map(Json).map_err(|(pointer, detail)| {
            let summary = format!("the body cannot be read: {detail}");
            Problem::bad_request(summary).with(vec![Fault { index: 0, pointer, detail }])
        })
    }
}

pub(crate) fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json") {
        return Ok(());
    }
    let detail = "the body must be JSON: send it with the header `content-type: application/json`";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

pub(crate) fn as_text(bytes: &[u8]) -> Result<&str, Problem> {
    str::from_utf8(bytes).map_err(|error| Problem::bad_request(format!("the body is not UTF-8: {error}")))
}

/// A value out of its JSON; or else where it is wrong, as a JSON pointer, and how.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, (String, String)> {
    let json = serde_json::from_str(text).map_err(|error| (String::new(), error.to_string()))?;
    let mut track = serde_path_to_error::Track::new();
    let value = T::deserialize(serde_path_to_error::Deserializer::new(Described(json), &mut track));
    value.map_err(|error| (pointer(&track.path()), error.to_string()))
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    };
    path.iter().map(part).collect()
}

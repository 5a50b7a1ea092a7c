//! Bodies, read within their limits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::described::Described;
use crate::problem::{Fault, Problem};

/// Bodies up to this size, in bytes, are read without asking for room.
const SMALL: usize = 1 << 20;
/// How many values the JSON of a body may hold: one of a few bytes can take several hundred once it is parsed.
const VALUES: usize = 1 << 20;

/// How bodies are read.
#[derive(Debug)]
pub(crate) struct Reading {
    /// In bytes, once it is decompressed.
    pub(crate) limit: usize,
    /// How long its sender may take.
    pub(crate) patience: Duration,
    /// Room for those that are large, so that many of them do not fill the memory.
    pub(crate) large: Arc<Semaphore>,
}

/// A body that was read. A large one holds its room for as long as it is kept, which is until it is answered.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Sent {
    /// The body as JSON that is not parsed yet, and can be.
    pub(crate) fn json(&self) -> Result<&str, Problem> {
        let no_text = |error| Problem::bad_request(format!("the body is not UTF-8: {error}"));
        let text = str::from_utf8(&self.bytes).map_err(no_text)?;
        if values(text) > VALUES {
            let detail = format!("the body has more than {VALUES} values: send less at a time");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        Ok(text)
    }
}

/// How many values JSON holds, at most: each stands first in something, or behind a comma.
fn values(text: &str) -> usize {
    let (mut count, mut is_quoted, mut is_escaped) = (1, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'[' | b'{' | b',' if !is_quoted => count += 1,
            _ => {}
        }
    }
    count
}

impl Reading {
    pub(crate) async fn read(&self, body: Body) -> Result<Sent, Problem> {
        let slow = |_| {
            let detail = format!("the body did not arrive within {} s: send less at a time", self.patience.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
        };
        tokio::time::timeout(self.patience, self.collect(body)).await.map_err(slow)?
    }

    async fn collect(&self, mut body: Body) -> Result<Sent, Problem> {
        let mut bytes = Vec::new();
        let mut room = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > self.limit {
                return Err(too_large(self.limit));
            }
            if room.is_none() && bytes.len() + data.len() > SMALL {
                let full = |_| Problem::overloaded("too many large bodies are read or wait");
                room = Some(Arc::clone(&self.large).try_acquire_owned().map_err(full)?);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Sent { bytes, _room: room })
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

    fn from_body(headers: &HeaderMap, sent: &Sent) -> Result<Self, Problem>;
}

/// No body. What is sent all the same is not looked at.
impl FromBody for () {
    type Described = ();
    const IS_NONE: bool = true;

    fn from_body(_: &HeaderMap, _: &Sent) -> Result<Self, Problem> {
        Ok(())
    }
}

/// A body of JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Send + 'static> FromBody for Json<T> {
    type Described = T;

    fn from_body(headers: &HeaderMap, sent: &Sent) -> Result<Self, Problem> {
        expect_json(headers)?;
        parse(sent.json()?).map(Json).map_err(|(pointer, detail)| {
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

/// Refuses an array that is too long.
pub(crate) fn expect_room(elements: usize, limit: usize) -> Result<(), Problem> {
    if elements <= limit {
        return Ok(());
    }
    let detail = format!("the array has {elements} elements, and {limit} are taken at a time: send several");
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
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

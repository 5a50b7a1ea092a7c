//! What forms send.

use axum::body::Body;
use axum::extract::{Form, FromRequest, Request};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::body::Reading;
use crate::problem::Problem;

/// Reads a form as browsers send it, within the limits of all bodies.
pub(crate) async fn read<F: DeserializeOwned>(reading: &Reading, body: Body) -> Result<F, Problem> {
    let sent = reading.read(body).await?;
    let request = Request::builder().method(Method::POST).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(Body::from(sent.bytes)).map_err(|_| Problem::internal())?;
    let Form(form) = Form::from_request(request, &()).await.map_err(|error| Problem::bad_request(error.to_string()))?;
    Ok(form)
}

/// The page that a form leads back to: one of this site, whatever it sent.
pub(crate) fn back(place: Option<String>) -> String {
    // Browsers read a backslash as a slash, and leave out tabs and ends of lines.
    let is_misread = |symbol: char| symbol == '\\' || symbol.is_control();
    let is_here = |place: &String| place.starts_with('/') && !place.starts_with("//") && !place.contains(is_misread);
    place.filter(is_here).unwrap_or("/".into())
}

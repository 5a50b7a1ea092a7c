//! What forms send.

use axum::body::Body;
use axum::extract::{Form, FromRequest, Request};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use mltrace_core::Status;
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

/// What a field holds, unless it was left empty.
pub(super) fn given(field: &str) -> Option<&str> {
    Some(field.trim()).filter(|text| !text.is_empty())
}

/// The status that a field names.
pub(super) fn status(field: &str) -> Result<Option<Status>, Problem> {
    let named = |text: &str| {
        let known = Status::ALL.into_iter().find(|status| status.as_str() == text);
        let names = Status::ALL.map(Status::as_str).join(", ");
        known.ok_or_else(|| Problem::refused(format!("`{text}` is no status: there are {names}")))
    };
    given(field).map(named).transpose()
}

/// The time in a field: the beginning of a day or a time of it, which are UTC, or one as RFC 3339 has it.
pub(super) fn time(field: &str) -> Result<Option<DateTime<Utc>>, Problem> {
    let named = |text: &str| {
        let plain = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
        let plain = || plain.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN));
        let stated = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        stated.or_else(|| plain().or_else(day).map(|time| time.and_utc())).ok_or_else(|| {
            Problem::refused(format!(
                "`{text}` is no time: give it as 2020-02-29T14:05 (UTC), or with a zone as 2020-02-29T14:05:00+01:00, or a \
                 day as 2020-02-29"
            ))
        })
    };
    given(field).map(named).transpose()
}

/// The page that a form leads back to: one of this site, whatever it sent.
pub(crate) fn back(place: Option<String>) -> String {
    // Browsers read a backslash as a slash, and leave out tabs and ends of lines.
    let is_misread = |symbol: char| symbol == '\\' || symbol.is_control();
    let is_here = |place: &String| place.starts_with('/') && !place.starts_with("//") && !place.contains(is_misread);
    place.filter(is_here).unwrap_or("/".into())
}

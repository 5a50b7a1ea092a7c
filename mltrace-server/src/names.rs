//! Names hold slashes, and stand in the midst of paths. So that a name is one segment all the same, the slashes within it
//! are encoded before a request is routed; a caller that encodes them itself changes nothing.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// What follows a name: the collection it is in, and the parts below it.
const PLACES: [(&str, &[&str]); 9] = [
    ("/api/v1/components/", &["/runs", "/tags"]),
    ("/api/v1/pointers/", &["/flag"]),
    ("/api/v1/labels/", &["/retract"]),
    ("/api/v1/tasks/", &["/outputs", "/feedback", "/metrics", "/drift", "/profile", "/retrain"]),
    ("/components/", &[]),
    ("/impact/", &[]),
    ("/labels/", &[]),
    ("/tasks/", &[]),
    ("/trace/", &[]),
];

/// Encodes the slashes of the name that a path holds. A name that itself ends as a part below names does, such as
/// `a/runs`, has to be given with its slash encoded.
pub(crate) fn encode<B>(request: Request<B>) -> Request<B> {
    let (mut parts, body) = request.into_parts();
    if let Some(uri) = encoded(&parts.uri) {
        parts.uri = uri;
    }
    Request::from_parts(parts, body)
}

fn encoded(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let (place, parts) = PLACES.iter().find(|(place, _)| path.starts_with(place))?;
    let rest = &path[place.len()..];
    let part = parts.iter().find(|part| rest.len() > part.len() && rest.ends_with(*part)).copied().unwrap_or_default();
    let name = &rest[..rest.len() - part.len()];
    if !name.contains('/') {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = format!("{place}{}{part}{query}", name.replace('/', "%2F"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(given: &str) -> String {
        let uri: Uri = given.parse().unwrap();
        encoded(&uri).unwrap_or(uri).to_string()
    }

    #[test]
    fn the_slashes_of_a_name_are_encoded_and_no_others() {
        for (given, routed) in [
            ("/api/v1/components/clean", "/api/v1/components/clean"),
            ("/api/v1/components/etl/clean", "/api/v1/components/etl%2Fclean"),
            ("/api/v1/components/etl/clean/runs?limit=1", "/api/v1/components/etl%2Fclean/runs?limit=1"),
            ("/api/v1/components/etl%2Fruns", "/api/v1/components/etl%2Fruns"),
            ("/api/v1/pointers//data/rides.csv/flag", "/api/v1/pointers/%2Fdata%2Frides.csv/flag"),
            ("/api/v1/pointers/s3://bucket/key", "/api/v1/pointers/s3:%2F%2Fbucket%2Fkey"),
            ("/api/v1/components/runs", "/api/v1/components/runs"),
            ("/api/v1/runs/12/notes", "/api/v1/runs/12/notes"),
        ] {
            assert_eq!(path(given), routed);
        }
    }
}

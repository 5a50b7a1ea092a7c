//! What stands around every page.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, Uri};

use crate::guard::Role;
use crate::problem::Problem;
use crate::service::Service;

/// What stands around every page.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    /// The name of the token by which the page is read, where one is needed.
    pub(super) who: Option<String>,
    /// Whether forms that change something are shown.
    pub(super) may_review: bool,
    /// The colours that were chosen.
    pub(super) theme: Option<&'static str>,
    /// Where this page is, so that a form leads back to it.
    pub(super) here: String,
    /// What stands in the bar.
    pub(super) typed: String,
}

impl Frame {
    /// That of a page for whoever may read it.
    pub(super) fn of(service: &Service, uri: &Uri, headers: &HeaderMap) -> Result<Self, Problem> {
        let who = service.guard.allow(headers, Role::Read)?;
        let may_review = service.guard.allow(headers, Role::Review).is_ok();
        let here = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { who: who.0, may_review, here, ..Self::bare(headers) })
    }

    /// That of a page for whoever may read nothing.
    pub(super) fn bare(headers: &HeaderMap) -> Self {
        Self { theme: theme(headers), ..Self::default() }
    }

    /// Whether a part of the site is the one that is shown.
    pub(super) fn is_in(&self, place: &str) -> bool {
        let path = self.here.split('?').next().unwrap_or_default();
        if place == "/" { path == "/" } else { path.starts_with(place) }
    }
}

/// Which colours were chosen; those of the system unless any were.
pub(crate) fn theme(headers: &HeaderMap) -> Option<&'static str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).map(str::trim);
    pairs.find_map(|pair| match pair {
        "mltrace_theme=light" => Some("light"),
        "mltrace_theme=dark" => Some("dark"),
        _ => None,
    })
}

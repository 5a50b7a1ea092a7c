//! What stands around every page.

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
}

impl Frame {
    /// Whether a part of the site is the one that is shown.
    pub(super) fn is_in(&self, place: &str) -> bool {
        let path = self.here.split('?').next().unwrap_or_default();
        if place == "/" { path == "/" } else { path.starts_with(place) }
    }
}

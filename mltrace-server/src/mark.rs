//! The mark of a store, by which whoever has its file at hand knows a server of it again.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The header that holds it. Who has not the file learns nothing from it.
pub(crate) const MARK: &str = "x-mltrace-store";

/// How long a server of this machine may take to say whose it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a server of this very store answers at an address: of its file, by whatever path, and not of a copy.
pub fn serves(address: SocketAddr, store: &Path) -> bool {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0).proxy(None);
    let agent: ureq::Agent = config.build().into();
    let Ok(answer) = agent.get(format!("http://{address}/healthz")).call() else { return false };
    let told = answer.headers().get(MARK).and_then(|mark| mark.to_str().ok());
    told.is_some() && told == mark(store).as_deref()
}

/// The mark of a store's file: a hash of what tells it from any other file of this machine. None where files have nothing
/// that does.
#[cfg(unix)]
pub(crate) fn mark(store: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(store).ok()?;
    // The numbers of files are given again.
    let identity = format!("{} {} {:?}", found.dev(), found.ino(), found.created().ok());
    Some(blake3::hash(identity.as_bytes()).to_hex()[..32].to_owned())
}

#[cfg(not(unix))]
pub(crate) fn mark(_: &Path) -> Option<String> {
    None
}

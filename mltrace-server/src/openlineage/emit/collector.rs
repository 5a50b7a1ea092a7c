//! Who collects events, over HTTP.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use ureq::http::header::{HeaderValue, LOCATION};
use ureq::http::uri::{Scheme, Uri};

use super::parent::Parent;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where events are sent to, and as whose.
#[derive(Debug, Clone)]
pub struct Collector {
    url: String,
    endpoint: String,
    namespace: String,
    parent: Option<Parent>,
    key: Option<Key>,
    agent: ureq::Agent,
}

/// It is shown to who collects, and to nobody else.
#[derive(Clone)]
struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Why an event was not taken.
pub(super) enum Refused {
    /// It is the event: it would be refused another time, too.
    Event(String),
    /// Nobody is there, or too busy.
    Now(String),
    /// Whatever is sent is refused.
    All(String),
}

impl Collector {
    /// Under this URL; at the path, in the namespace, and with the key that all clients of OpenLineage have unless they are
    /// told otherwise: `api/v1/lineage`, `default`, and none.
    pub fn at(url: impl Into<String>) -> Self {
        // To follow a redirect is to ask by GET for what is there, and to take that for an acknowledgement.
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let config = config.timeout_global(Some(PATIENCE));
        Self {
            url: url.into(),
            endpoint: "api/v1/lineage".to_owned(),
            namespace: "default".to_owned(),
            parent: None,
            key: None,
            agent: config.build().into(),
        }
    }

    /// Sends to another path below the URL.
    #[must_use]
    pub fn endpoint(mut self, path: impl Into<String>) -> Self {
        self.endpoint = path.into();
        self
    }

    /// Calls components jobs of another namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Calls this the parent of runs that no other run has called.
    #[must_use]
    pub fn under(mut self, parent: Parent) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Shows this key, as a bearer's token.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(Key(key.into()));
        self
    }

    pub(super) fn address(&self) -> String {
        format!("{}/{}", self.url.trim_end_matches('/'), self.endpoint.trim_start_matches('/'))
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn parent(&self) -> Option<&Parent> {
        self.parent.as_ref()
    }

    /// Why nothing can ever be sent so, if that is so.
    pub(super) fn check(&self) -> Result<(), String> {
        let address = self.address();
        let uri: Uri = address.parse().map_err(|error| format!("`{address}` is no address: {error}"))?;
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => {}
            Some(scheme) if *scheme == Scheme::HTTPS => {
                return Err(format!(
                    "{address} needs TLS, which is not spoken here: send to a proxy that does, over http"
                ));
            }
            _ => return Err(format!("`{address}` is no address: it does not begin with http://")),
        }
        match &self.key {
            Some(key) if HeaderValue::from_str(&key.0).is_err() => Err("the key cannot be sent as it is".to_owned()),
            _ => Ok(()),
        }
    }

    pub(super) fn send(&self, event: &Value) -> Result<(), Refused> {
        let address = self.address();
        let mut request = self.agent.post(&address).header("content-type", "application/json");
        if let Some(Key(key)) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut answer = request
            .send(event.to_string())
            .map_err(|error| Refused::Now(format!("{address} cannot be reached: {error}")))?;
        let status = answer.status();
        if status.is_redirection() {
            let place = answer.headers().get(LOCATION).map(|place| String::from_utf8_lossy(place.as_bytes()));
            let place = place.unwrap_or("another address".into());
            return Err(Refused::All(format!("{address} answered {status}: send to where it points, {place}")));
        }
        // Read to its end, so that the connection can be used again.
        let said = answer.body_mut().with_config().limit(64 << 10).read_to_string().unwrap_or_default();
        let said: String = said.chars().take(300).collect();
        let reason = || format!("{address} answered {status}: {said}");
        match status.as_u16() {
            200..=299 => Ok(()),
            408 | 429 | 500..=599 => Err(Refused::Now(reason())),
            400 | 409 | 413 | 422 => Err(Refused::Event(reason())),
            _ => Err(Refused::All(reason())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown_to_who_debugs() {
        let collector = Collector::at("http://localhost").key("k3y-0f-n0b0dy");
        assert!(!format!("{collector:?}").contains("k3y"));
    }
}

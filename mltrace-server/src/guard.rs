//! Who may call, from where, by which name.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, REFERER};
use axum::http::{HeaderMap, Method, StatusCode, Uri};

use crate::problem::Problem;
pub(crate) use crate::token::Role;
use crate::token::{Known, Token};

/// The cookie that a login sets.
pub(crate) const COOKIE_NAME: &str = "mltrace_token";

#[derive(Debug)]
pub(crate) struct Guard {
    tokens: Option<Known>,
    needs_token: bool,
    hosts: Vec<String>,
}

/// Who calls: the name of a token, or none where none is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who(pub(crate) Option<String>);

impl Guard {
    pub(crate) fn new(tokens: Option<PathBuf>, needs_token: bool, hosts: Vec<String>) -> io::Result<Self> {
        Ok(Self { tokens: tokens.map(Known::new).transpose()?, needs_token, hosts })
    }

    /// Who calls, if they may do what needs this role.
    pub(crate) fn allow(&self, headers: &HeaderMap, needed: Role) -> Result<Who, Problem> {
        if self.is_open() {
            return Ok(Who(None));
        }
        let token = given(headers).map(|secret| self.token(secret)).transpose()?.flatten();
        let Some(token) = token else {
            let detail = "a token is needed: send it as `authorization: Bearer TOKEN`, or log in at /login";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, detail));
        };
        if token.role.may(needed) {
            return Ok(Who(Some(token.name)));
        }
        let detail =
            format!("this needs the role `{needed}`, and the token `{}` has the role `{}`", token.name, token.role);
        Err(Problem::new(StatusCode::FORBIDDEN, detail))
    }

    /// Whose this token is.
    pub(crate) fn token(&self, secret: &str) -> Result<Option<Token>, Problem> {
        let Some(tokens) = &self.tokens else { return Ok(None) };
        tokens.find(secret).map_err(|error| unreadable(&error))
    }

    /// Nobody needs a token: the server is called from its own machine only, and nobody made any.
    fn is_open(&self) -> bool {
        !self.needs_token && self.tokens.as_ref().is_none_or(Known::are_unused)
    }

    /// Refuses to be called by a name that is not this server's: a page of another site whose name was made to lead here
    /// would pass for one of this server's own. An address is safe, for a browser makes it of no other site.
    pub(crate) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let given = host(uri, headers).unwrap_or_default();
        let name = without_port(given).to_ascii_lowercase();
        if name == "localhost" || is_address(&name) || self.hosts.iter().any(|host| host.eq_ignore_ascii_case(&name)) {
            return Ok(());
        }
        let detail = format!("this server is not called `{name}`: start it with --host {name} if it should be");
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
    }
}

/// Refuses a change that a page of another site asks for. Programs send neither header; browsers send them always.
pub(crate) fn check_origin(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let site = headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes);
    let is_same_site = site.is_none_or(|site| site == b"same-origin" || site == b"none");
    let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or("null"));
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, from)| Some(from) == host(uri, headers));
    if is_same_site && origin.is_none_or(is_own) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "a page of another site cannot change anything here"))
}

/// The page of this server that a request comes from, as far as the browser tells.
pub(crate) fn referer(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let from: Uri = headers.get(REFERER)?.to_str().ok()?.parse().ok()?;
    let is_own = Some(from.authority()?.as_str()) == host(uri, headers);
    from.path_and_query().filter(|_| is_own).map(ToString::to_string)
}

/// The name by which the server is called, with its port.
fn host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    uri.authority().map(axum::http::uri::Authority::as_str).or_else(|| headers.get(HOST)?.to_str().ok())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

fn is_address(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    name.parse::<IpAddr>().is_ok() || inner.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok())
}

/// The token that a request brings.
fn given(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).or_else(|| cookie(headers))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, token)| token)
}

fn unreadable(error: &io::Error) -> Problem {
    tracing::error!(%error, "the tokens cannot be read");
    Problem::overloaded("the tokens cannot be read")
}

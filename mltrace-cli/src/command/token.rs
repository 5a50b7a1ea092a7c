use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use mltrace_core::Page;
use mltrace_server::{Role, Tokens};
use serde::Serialize;

use crate::failure::Failure;
use crate::opt::{Token, TokenCommand};
use crate::render;
use crate::session::Session;

/// A token that was made; `token` is shown only now.
#[derive(Debug, Serialize)]
pub(crate) struct NewToken {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) token: String,
}

/// A token as it is known afterwards.
#[derive(Debug, Serialize)]
pub(crate) struct KnownToken {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) created_at: DateTime<Utc>,
}

/// A token that is none any more.
#[derive(Debug, Serialize)]
pub(crate) struct RevokedToken {
    pub(crate) name: String,
}

pub(crate) fn run(opt: Token, session: &mut Session<'_>) -> Result<(), Failure> {
    let tokens = Tokens::beside(&store(session)?);
    match opt.command {
        TokenCommand::Add { name, role } => {
            let name = name.unwrap_or_else(|| role.as_str().to_owned());
            let token = tokens.add(&name, role).map_err(|error| refused(&error))?;
            session.answer(&NewToken { name, role, token }, |new, _| render::new_token(new))
        }
        TokenCommand::List => {
            let known = tokens.list().map_err(|error| refused(&error))?;
            let items = known
                .into_iter()
                .map(|token| KnownToken { name: token.name, role: token.role, created_at: token.created_at })
                .collect();
            session.answer(&Page { items, next: None }, render::tokens)
        }
        TokenCommand::Revoke { name } => {
            tokens.revoke(&name).map_err(|error| refused(&error))?;
            session.answer(&RevokedToken { name }, |revoked, _| format!("revoked {}\n", revoked.name))
        }
    }
}

/// The file of the store, beside which tokens are kept.
pub(super) fn store(session: &Session<'_>) -> Result<PathBuf, Failure> {
    let path = session.tracer.path().map(ToOwned::to_owned);
    path.ok_or_else(|| Failure::Store("a store in memory has no tokens".to_owned()))
}

fn refused(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists | io::ErrorKind::InvalidInput => {
            Failure::Question(error.to_string())
        }
        _ => Failure::Store(error.to_string()),
    }
}

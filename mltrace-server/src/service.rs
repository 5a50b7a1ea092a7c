//! What all requests share.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mltrace_core::{Error, Tracer};
use tokio::sync::Semaphore;

use crate::body::Reading;
use crate::guard::Guard;
use crate::lane::Lane;
use crate::logger::Logger;
use crate::mark::mark;
use crate::metrics::Metrics;

/// Settings of a server.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The file that holds the tokens, as [`Tokens`](crate::Tokens) keeps it. Nobody needs a token while there is no file,
    /// and nobody is let in where the last one was revoked.
    pub tokens: Option<PathBuf>,
    /// Whether a token is needed even while there is no file.
    pub needs_token: bool,
    /// Names by which the server may be called beside `localhost` and addresses, such as that of a reverse proxy before it.
    pub hosts: Vec<String>,
    /// How much of the machine requests may take.
    pub limits: Limits,
}

/// How much of the machine requests may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// What a body may have as it is sent, in bytes; 8 MiB by default.
    pub body: usize,
    /// What a body may have once it is decompressed, in bytes; 32 MiB by default.
    pub decompressed: usize,
    /// How many runs, outputs, labels or tags a request may hold; 10,000 by default. Whatever it holds, its JSON may have
    /// 1,048,576 values.
    pub array: usize,
    /// What the head of a request may have, in bytes; 16 KiB by default.
    pub head: usize,
    /// How many requests are worked on at a time; 256 by default.
    pub requests: usize,
    /// How many connections there may be; 512 by default, for a process may often have 1,024 files.
    pub connections: usize,
    /// How many requests wait for the store on each lane; 128 by default.
    pub waiting: usize,
    /// How many questions are answered side by side; 4 by default.
    pub readers: usize,
    /// How long a client may take to send a head, and how long to send a body or to take any of an answer; 10 and 30 s by
    /// default.
    pub head_patience: Duration,
    /// See [`head_patience`](Self::head_patience).
    pub body_patience: Duration,
    /// How long what is under way has to finish once the server is told to end; 30 s by default.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 8 << 20,
            decompressed: 32 << 20,
            array: 10_000,
            head: 16 << 10,
            requests: 256,
            connections: 512,
            waiting: 128,
            readers: 4,
            head_patience: Duration::from_secs(10),
            body_patience: Duration::from_secs(30),
            farewell: Duration::from_secs(30),
        }
    }
}

pub(crate) struct Service {
    pub(crate) readers: Lane,
    pub(crate) writer: Lane,
    pub(crate) files: Lane,
    pub(crate) logger: Logger,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) reading: Reading,
    pub(crate) guard: Guard,
    /// That of the store; none of one in memory.
    pub(crate) mark: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) requests: Arc<Semaphore>,
}

/// How many large bodies are read, or wait to be answered, at a time.
const LARGE: usize = 8;

impl Service {
    pub(crate) fn new(store: &Tracer, config: Config) -> io::Result<Self> {
        let Config { tokens, needs_token, hosts, limits } = config;
        let beside = || store.beside().map_err(unreadable);
        let readers = (0..limits.readers.max(1)).map(|_| beside()).collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            readers: Lane::new("mltrace-reader", readers, limits.waiting)?,
            writer: Lane::new("mltrace-writer", [store.clone()], limits.waiting)?,
            files: Lane::new("mltrace-files", [beside()?], limits.waiting)?,
            logger: Logger::new(store.clone(), limits.waiting)?,
            metrics: Arc::new(Metrics::new(store.clone(), [beside()?, beside()?])?),
            reading: Reading {
                limit: limits.decompressed,
                patience: limits.body_patience,
                large: Arc::new(Semaphore::new(LARGE)),
            },
            guard: Guard::new(tokens, needs_token, hosts)?,
            mark: store.path().and_then(mark),
            limits,
            requests: Arc::new(Semaphore::new(limits.requests)),
        })
    }
}

fn unreadable(error: Error) -> io::Error {
    io::Error::other(error)
}

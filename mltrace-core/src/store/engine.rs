//! The narrow trait behind which a database stands. SQL above it stays in what SQLite and PostgreSQL share; types and
//! settings that only one of them has stay below it.

use std::time::Duration;

use crate::error::Result;

/// A value bound to a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A row of an answer. Reading a column as another type than it has is an error: the file is damaged.
pub(crate) trait Row {
    fn integer(&self, column: usize) -> Result<i64>;
    fn optional_integer(&self, column: usize) -> Result<Option<i64>>;
    fn real(&self, column: usize) -> Result<f64>;
    fn optional_real(&self, column: usize) -> Result<Option<f64>>;
    fn text(&self, column: usize) -> Result<&str>;
    fn optional_text(&self, column: usize) -> Result<Option<&str>>;
    fn blob(&self, column: usize) -> Result<&[u8]>;
    fn optional_blob(&self, column: usize) -> Result<Option<&[u8]>>;
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// One consistent view; blocks nobody.
    Read,
    /// Takes the write lock at once, so that it never has to be upgraded to.
    Write,
}

/// What a database says of its own state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Space {
    /// What each table takes with its indexes, in bytes, by name.
    pub(crate) tables: Vec<(String, u64)>,
    /// The whole database, in bytes.
    pub(crate) total: u64,
    /// Of those, what is free for reuse.
    pub(crate) free: u64,
}

/// A moment in the life of a database, as one connection sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) by_others: i64,
    pub(crate) by_this: u64,
}

/// One connection to a database.
pub(crate) trait Engine: Send {
    fn begin(&self, access: Access) -> Result<()>;
    /// How long to wait for a lock from now on: this long, or where nothing is given as long as the engine thinks right.
    fn wait_for_locks(&self, at_most: Option<Duration>) -> Result<()>;
    /// The schema number that the database has now.
    fn schema(&self) -> Result<i64>;
    fn commit(&self) -> Result<()>;
    fn rollback(&self);
    /// Runs a statement and says how many rows it changed.
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize>;
    /// Inserts one row and gives the key that the database chose for it.
    fn insert(&self, sql: &str, values: &[Value<'_>]) -> Result<i64>;
    /// Hands each row of an answer to `each`.
    fn query(&self, sql: &str, values: &[Value<'_>], each: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<()>;
    /// Differs from an earlier mark of this connection if anybody has written since.
    fn mark(&self) -> Result<Mark>;
    /// Whether deleting a row looks for rows that refer to it, which is slow where no index leads to them. Outside of a
    /// transaction only.
    fn check_references(&self, checked: bool) -> Result<()>;
    /// Gives some free space back to the file system, and says whether there may be more. Outside of a transaction only.
    fn give_back(&self) -> Result<bool>;
    /// Writes what stands in a log into the database itself, as far as nobody reads what was there before, and waits for
    /// nobody. Says how many pages of the log are there now, unless somebody else is moving them.
    fn move_log(&self) -> Result<Option<u32>>;
    /// Writes what stands in a log into the database itself, and empties the log, unless somebody still reads from it.
    fn empty_log(&self) -> Result<()>;
    /// What is wrong with the database, in sentences: damage, and rows that refer to rows that are not there.
    fn damage(&self) -> Result<Vec<String>>;
    /// What takes how much space.
    fn space(&self) -> Result<Space>;
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

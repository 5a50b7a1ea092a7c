//! Tokens, each with a role, in a file beside the store. The file holds hashes only: a token is shown once, when it is made.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use std::{fmt, fs, io};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the bearer of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ask.
    Read,
    /// Log runs, outputs and labels, and not ask: for programs.
    Log,
    /// Ask, flag, note, tag and retract: for people.
    Review,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Read, Self::Log, Self::Review, Self::Admin];

    /// The role as it is written on the command line and in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Log => "log",
            Self::Review => "review",
            Self::Admin => "admin",
        }
    }

    /// Whether who has this role may do what needs the other.
    pub(crate) fn may(self, needed: Self) -> bool {
        self == needed || self == Self::Admin || self == Self::Review && needed == Self::Read
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// By what people call it; unique in its file.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// BLAKE3 of the token.
    #[serde(with = "hexadecimal")]
    hash: blake3::Hash,
}

/// A hash as `b3sum` writes it.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(hash: &blake3::Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hash.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<blake3::Hash, D::Error> {
        blake3::Hash::from_hex(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// The file that holds the tokens of a server.
///
/// ```
/// use mltrace_server::{Role, Tokens};
///
/// # let folder = tempfile::tempdir()?;
/// let tokens = Tokens::beside(&folder.path().join("pipeline.db"));
/// let secret = tokens.add("spark", Role::Log)?;
/// assert!(secret.starts_with("mltrace_"));
/// assert_eq!(tokens.list()?[0].name, "spark");
/// tokens.revoke("spark")?;
/// assert!(tokens.list()?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tokens {
    path: PathBuf,
}

/// What a token begins with, so that people and programs that look for secrets know one.
const PREFIX: &str = "mltrace_";
/// Bytes out of which a token is made.
const BYTES: usize = 32;

impl Tokens {
    /// The tokens for a store: the file of its name with `.tokens` behind.
    pub fn beside(store: &Path) -> Self {
        let mut path = store.as_os_str().to_owned();
        path.push(".tokens");
        Self::at(path.into())
    }

    /// The tokens in a file.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tokens, in the order in which they were made; none where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, or holds no tokens.
    pub fn list(&self) -> io::Result<Vec<Token>> {
        read(&self.path)
    }

    /// Makes a token and gives it, which can be done only now.
    ///
    /// # Errors
    /// There is a token of this name, the name is empty, or the file cannot be written.
    pub fn add(&self, name: &str, role: Role) -> io::Result<String> {
        let _alone = self.lock()?;
        let mut tokens = self.list()?;
        if name.trim().is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a token needs a name, by which it can be revoked",
            ));
        }
        if tokens.iter().any(|token| token.name == name) {
            let message = format!("there is a token `{name}`: choose another name, or revoke it first");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        // Random bytes, of the length of a hash, and written as one.
        let secret = format!("{PREFIX}{}", blake3::Hash::from_bytes(bytes).to_hex());
        let hash = blake3::hash(secret.as_bytes());
        tokens.push(Token { name: name.to_owned(), role, created_at: Utc::now(), hash });
        self.write(&tokens)?;
        Ok(secret)
    }

    /// Takes a token away. A server that runs knows of it within the next request.
    ///
    /// # Errors
    /// There is no such token, or the file cannot be written.
    pub fn revoke(&self, name: &str) -> io::Result<()> {
        let _alone = self.lock()?;
        let mut tokens = self.list()?;
        let count = tokens.len();
        tokens.retain(|token| token.name != name);
        if tokens.len() == count {
            let names: Vec<_> = tokens.iter().map(|token| token.name.as_str()).collect();
            let known =
                if names.is_empty() { "there are none".to_owned() } else { format!("there are {}", names.join(", ")) };
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no token `{name}`: {known}")));
        }
        self.write(&tokens)
    }

    /// Waits until nobody else changes the file: two who read it before either wrote would undo what the other did. It is a
    /// file beside it that is locked, and stays, for the one with the tokens is replaced.
    fn lock(&self) -> io::Result<File> {
        let mut path = self.path.as_os_str().to_owned();
        path.push(".lock");
        let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        file.lock()?;
        Ok(file)
    }

    /// Replaces the file whole, for its owner alone.
    fn write(&self, tokens: &[Token]) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, tokens)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Vec<Token>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            let message =
                format!("{} holds no tokens: {error}. Restore it, or delete it and make new ones", path.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{} cannot be read: {error}", path.display()))),
    }
}

/// The tokens as a server that runs sees them: read again where the file has changed.
#[derive(Debug)]
pub(crate) struct Known {
    path: PathBuf,
    read: Mutex<(Option<Seen>, Vec<Token>)>,
}

/// By which a file is known to be the same.
type Seen = (SystemTime, u64);

impl Known {
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        let tokens = read(&path)?;
        Ok(Self { read: Mutex::new((seen(&path), tokens)), path })
    }

    /// Whose this token is. Every one is compared, in a time that does not tell how much of it was right.
    pub(crate) fn find(&self, secret: &str) -> io::Result<Option<Token>> {
        let hash = blake3::hash(secret.as_bytes());
        let mut found = None;
        self.each(|token| {
            if token.hash == hash {
                found = Some(token.clone());
            }
        })?;
        Ok(found)
    }

    /// Whether nobody has made a token yet. Where the last one was revoked there is still a file.
    pub(crate) fn are_unused(&self) -> bool {
        matches!(fs::symlink_metadata(&self.path), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    fn each(&self, mut each: impl FnMut(&Token)) -> io::Result<()> {
        let now = seen(&self.path);
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != now {
            *known = (now, read(&self.path)?);
        }
        known.1.iter().for_each(&mut each);
        Ok(())
    }
}

fn seen(path: &Path) -> Option<Seen> {
    let found = fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_token_is_kept_as_a_hash_in_a_file_that_only_its_owner_reads() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::beside(&folder.path().join("store.db"));
        let secret = tokens.add("ci", Role::Log).unwrap();
        let text = fs::read_to_string(tokens.path()).unwrap();
        assert!(!text.contains(&secret) && !text.contains(&secret[PREFIX.len()..]), "{text}");
        assert_eq!(fs::metadata(tokens.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_server_that_runs_knows_of_a_token_that_was_made_or_revoked_since() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::beside(&folder.path().join("store.db"));
        let known = Known::new(tokens.path().to_owned()).unwrap();
        assert!(known.are_unused());
        let secret = tokens.add("ci", Role::Log).unwrap();
        assert_eq!(known.find(&secret).unwrap().unwrap().role, Role::Log);
        assert_eq!(known.find(&secret[1..]).unwrap(), None);
        tokens.add("ana", Role::Read).unwrap();
        tokens.revoke("ci").unwrap();
        assert_eq!(known.find(&secret).unwrap(), None);
    }

    #[test]
    fn no_change_is_undone_by_another_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::beside(&folder.path().join("store.db"));
        let names: Vec<_> = (0..8).map(|number| format!("old-{number}")).collect();
        for name in &names {
            tokens.add(name, Role::Log).unwrap();
        }
        thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| tokens.revoke(name).unwrap());
                scope.spawn(|| tokens.add(&name.replace("old", "new"), Role::Log).unwrap());
            }
        });
        let mut left: Vec<_> = tokens.list().unwrap().into_iter().map(|token| token.name).collect();
        left.sort();
        assert_eq!(left, names.iter().map(|name| name.replace("old", "new")).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_holds_no_tokens_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::beside(&folder.path().join("store.db"));
        let secret = tokens.add("ci", Role::Log).unwrap();
        let known = Known::new(tokens.path().to_owned()).unwrap();
        fs::write(tokens.path(), "[]x").unwrap();
        assert!(known.find(&secret).is_err());
        assert!(known.find(&secret).is_err(), "nor at the second try");
    }

    #[test]
    fn a_role_may_do_its_own_and_what_stands_below_it() {
        let may = |role: Role| Role::ALL.map(|needed| role.may(needed));
        assert_eq!(may(Role::Read), [true, false, false, false]);
        assert_eq!(may(Role::Log), [false, true, false, false]);
        assert_eq!(may(Role::Review), [true, false, true, false]);
        assert_eq!(may(Role::Admin), [true; 4]);
    }

    #[test]
    fn two_tokens_of_one_name_are_refused_and_an_unknown_one_is_named_with_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::beside(&folder.path().join("store.db"));
        tokens.add("ci", Role::Log).unwrap();
        assert!(tokens.add("ci", Role::Read).unwrap_err().to_string().contains("there is a token `ci`"));
        assert_eq!(tokens.revoke("spark").unwrap_err().to_string(), "there is no token `spark`: there are ci");
    }
}

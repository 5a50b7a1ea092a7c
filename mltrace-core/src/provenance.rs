//! Who ran what: the process, the code, and the commit they came from.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, Once, OnceLock, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::clock;
use crate::fingerprint::update_sized;
use crate::model::{Code, Commit, CommitSource, Definition, Process};

/// This process.
pub(crate) fn process() -> &'static Process {
    static PROCESS: OnceLock<Process> = OnceLock::new();
    PROCESS.get_or_init(|| Process {
        uuid: Uuid::now_v7(),
        host: host(),
        pid: std::process::id(),
        started_at: clock::now(),
        start_ticks: start_ticks(),
        boot_id: read_line("/proc/sys/kernel/random/boot_id"),
        pid_namespace: std::fs::read_link("/proc/self/ns/pid").ok().map(|link| link.to_string_lossy().into_owned()),
        user: env::var("USER").or_else(|_| env::var("USERNAME")).ok(),
        program: env::current_exe().ok().map(|path| path.to_string_lossy().into_owned()),
    })
}

fn host() -> String {
    read_line("/proc/sys/kernel/hostname")
        .or_else(|| env::var("HOSTNAME").or_else(|_| env::var("COMPUTERNAME")).ok())
        .unwrap_or_else(|| "unknown".to_owned())
}

fn read_line(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Field 22 of `/proc/self/stat`. The second field is the program's name and may itself hold spaces and brackets.
fn start_ticks() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

impl Definition {
    /// Fills in what follows from the other fields: the identity, and whether the code lies in this repository.
    pub(crate) fn complete(mut self) -> Self {
        self.in_repository = self.code.as_ref().is_some_and(|code| lies_in_repository(&code.file));
        self.identity = identity(&self);
        self
    }
}

fn identity(definition: &Definition) -> [u8; 16] {
    let Definition {
        identity: _,
        component,
        states_metadata,
        description,
        owner,
        tags,
        stale_after_s,
        code,
        build_commit,
        in_repository,
    } = definition;
    let mut hasher = blake3::Hasher::new();
    update_sized(&mut hasher, component.as_bytes());
    update_sized(&mut hasher, &[u8::from(*states_metadata), u8::from(*in_repository)]);
    for field in [description, owner, build_commit] {
        update_optional(&mut hasher, field.as_ref().map(String::as_bytes));
    }
    update_sized(&mut hasher, &(tags.len() as u64).to_le_bytes());
    for tag in tags {
        update_sized(&mut hasher, tag.as_bytes());
    }
    update_optional(&mut hasher, stale_after_s.map(u64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
    if let Some(Code { file, line, crate_version, snapshot }) = code {
        update_sized(&mut hasher, file.as_bytes());
        update_sized(&mut hasher, &line.to_le_bytes());
        update_optional(&mut hasher, crate_version.as_ref().map(String::as_bytes));
        update_optional(&mut hasher, snapshot.as_ref().map(|snapshot| snapshot.identity.as_slice()));
    }
    first_half(&hasher)
}

fn update_optional(hasher: &mut blake3::Hasher, field: Option<&[u8]>) {
    hasher.update(&[u8::from(field.is_some())]);
    update_sized(hasher, field.unwrap_or_default());
}

/// The identity of a text.
pub(crate) fn text_identity(text: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    first_half(&hasher)
}

fn first_half(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    half
}

/// Whether a source file, as the compiler named it, lies in the repository of the working directory.
fn lies_in_repository(file: &str) -> bool {
    static REPOSITORY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let repository = REPOSITORY.get_or_init(|| {
        let here = env::current_dir().ok()?;
        here.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
    });
    let Some(repository) = repository else { return false };
    let file = Path::new(file);
    // The compiler names files relative to the workspace it was started in, which may lie below the repository's root.
    let mut bases = vec![repository.clone()];
    if let Ok(here) = env::current_dir() {
        bases.extend(here.ancestors().take_while(|folder| *folder != repository).map(Path::to_owned));
    }
    if file.is_absolute() { file.starts_with(repository) } else { bases.iter().any(|base| base.join(file).is_file()) }
}

/// The one look-up that a process makes.
#[derive(Clone)]
enum LookUp {
    Open,
    Answered(Option<Commit>),
}

static COMMIT: (Mutex<LookUp>, Condvar) = (Mutex::new(LookUp::Open), Condvar::new());

/// Asks for the commit once per process, on a thread of its own: `git status` can take long in a large repository.
pub(crate) fn look_up_commit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let spawned = std::thread::Builder::new().name("mltrace-git".to_owned()).spawn(|| answer(commit()));
        if spawned.is_err() {
            answer(None);
        }
    });
}

impl LookUp {
    fn commit(self) -> Option<Commit> {
        match self {
            Self::Open => None,
            Self::Answered(commit) => commit,
        }
    }
}

fn answer(commit: Option<Commit>) {
    *COMMIT.0.lock().unwrap_or_else(PoisonError::into_inner) = LookUp::Answered(commit);
    COMMIT.1.notify_all();
}

/// The commit, if it is known by now and there is one.
pub(crate) fn known_commit() -> Option<Commit> {
    COMMIT.0.lock().unwrap_or_else(PoisonError::into_inner).clone().commit()
}

/// The commit, waited for if it was asked for.
pub(crate) fn await_commit(at_most: Duration) -> Option<Commit> {
    let answer = COMMIT.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (answer, _) = COMMIT
        .1
        .wait_timeout_while(answer, at_most, |answer| matches!(answer, LookUp::Open))
        .unwrap_or_else(PoisonError::into_inner);
    answer.clone().commit()
}

fn commit() -> Option<Commit> {
    if let Ok(stated) = env::var("MLTRACE_COMMIT") {
        let dirty = stated.ends_with("-dirty").then_some(true);
        let hash = Some(stated.trim_end_matches("-dirty").to_owned());
        return Some(Commit { hash, dirty, tags: Vec::new(), source: CommitSource::Build });
    }
    git(&["rev-parse", "--git-dir"])?;
    Some(Commit {
        hash: git(&["rev-parse", "--verify", "HEAD"]).map(|hash| hash.trim().to_owned()),
        dirty: git(&["status", "--porcelain", "--untracked-files=no"]).map(|changes| !changes.is_empty()),
        tags: git(&["tag", "--points-at", "HEAD"])
            .map(|tags| tags.lines().map(ToOwned::to_owned).collect())
            .unwrap_or_default(),
        source: CommitSource::Cwd,
    })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        // Asking must not take locks that would make the user's own git fail.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

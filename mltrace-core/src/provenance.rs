//! Who ran what: the process, the code, and the commit they came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use std::{env, fs, thread};

use crate::clock;
use crate::fingerprint::update_sized;
use crate::fork::PerProcess;
use crate::identity::new_uuid;
use crate::model::{Code, Commit, CommitSource, Definition, Process};

/// This process.
pub(crate) fn process() -> &'static Process {
    static PROCESS: PerProcess<Process> = PerProcess::new();
    PROCESS.get_or_init(|| Process {
        uuid: new_uuid(),
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

fn start_ticks() -> Option<u64> {
    start_ticks_in(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// Field 22 of a process's `stat`. The second field is the program's name and may itself hold spaces and brackets.
fn start_ticks_in(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// What is kept of a process by which it can be found again on its host.
pub(crate) struct Sighting<'a> {
    pub(crate) pid: i64,
    pub(crate) start_ticks: Option<u64>,
    pub(crate) boot_id: Option<&'a str>,
    pub(crate) pid_namespace: Option<&'a str>,
}

impl Sighting<'_> {
    /// Whether the process is known to have ended: it ran here, where pids mean the same, and none of that pid and start
    /// is left. Of others nothing can be told from here.
    pub(crate) fn is_gone(&self) -> bool {
        let here = process();
        let Some(start_ticks) = self.start_ticks else { return false };
        if self.boot_id != here.boot_id.as_deref() || self.pid_namespace != here.pid_namespace.as_deref() {
            return false;
        }
        match std::fs::read_to_string(format!("/proc/{}/stat", self.pid)) {
            // A process that has died and not been waited for is none any more.
            Ok(stat) => start_ticks_in(&stat) != Some(start_ticks) || is_zombie(&stat),
            // Some systems hide the processes of others, the first of all among them.
            Err(error) => error.kind() == std::io::ErrorKind::NotFound && Path::new("/proc/1/stat").exists(),
        }
    }
}

fn is_zombie(stat: &str) -> bool {
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
    matches!(state, Some("Z" | "X"))
}

/// Whether a process is known to have ended; see [`Sighting::is_gone`].
#[cfg(feature = "care")]
pub(crate) fn is_gone(other: &Process) -> bool {
    let Process { pid, start_ticks, boot_id, pid_namespace, .. } = other;
    Sighting {
        pid: (*pid).into(),
        start_ticks: *start_ticks,
        boot_id: boot_id.as_deref(),
        pid_namespace: pid_namespace.as_deref(),
    }
    .is_gone()
}

/// Whether a process may still write: it belongs to this boot, and is not known to have ended.
#[cfg(feature = "care")]
pub(crate) fn may_write(other: &Process) -> bool {
    other.boot_id == process().boot_id && !is_gone(other)
}

impl Definition {
    /// Fills in the identity, which follows from the other fields.
    pub(crate) fn identified(self) -> Self {
        Self { identity: identity(&self), ..self }
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
        // No file is named by nothing, and no line has the number 0.
        update_sized(&mut hasher, file.as_deref().unwrap_or_default().as_bytes());
        update_sized(&mut hasher, &line.unwrap_or_default().to_le_bytes());
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

/// The repository of the directory that the process worked in when it began to trace.
fn repository() -> Option<&'static Path> {
    static REPOSITORY: PerProcess<Option<PathBuf>> = PerProcess::new();
    let find = || {
        let here = fs::canonicalize(env::current_dir().ok()?).ok()?;
        here.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
    };
    REPOSITORY.get_or_init(find).as_deref()
}

/// Whether an absolute path lies in the repository of the working directory, so that its commit tells of it.
pub(crate) fn is_in_repository(path: &Path) -> bool {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    repository().is_some_and(|repository| real.starts_with(repository))
}

/// The same for a source file as the compiler named it. Looked up once: a program that logs run after run would ask the file
/// system again and again.
pub(crate) fn is_source_in_repository(file: &'static str) -> bool {
    static KNOWN: PerProcess<Mutex<BTreeMap<&'static str, bool>>> = PerProcess::new();
    let known = || KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let found = known().get(file).copied();
    found.unwrap_or_else(|| {
        let found = find_source(file);
        known().insert(file, found);
        found
    })
}

/// The compiler names a file relative to the folder the build was started in. That folder is not known later; but a file of
/// that name in a repository from which this very program was built is the one.
fn find_source(file: &str) -> bool {
    let Some(repository) = repository() else { return false };
    if Path::new(file).is_absolute() {
        return is_in_repository(Path::new(file));
    }
    let is_built_here = env::current_exe().is_ok_and(|program| is_in_repository(&program));
    let here = env::current_dir().and_then(fs::canonicalize).unwrap_or_else(|_| repository.to_owned());
    let mut bases = here.ancestors().take_while(|folder| folder.starts_with(repository));
    is_built_here && bases.any(|base| base.join(file).is_file())
}

/// The one look-up that a process makes.
#[derive(Default)]
struct LookUp {
    progress: Mutex<Progress>,
    changed: Condvar,
    has_begun: AtomicBool,
}

#[derive(Default)]
struct Progress {
    /// What is known so far: the hash comes at once, the state of the working tree may take long.
    commit: Option<Commit>,
    is_done: bool,
}

/// A child that is forked off while git is asked asks it again: the thread that waits for the answer is not there.
fn look_up() -> &'static LookUp {
    static LOOK_UP: PerProcess<LookUp> = PerProcess::new();
    LOOK_UP.get_or_init(LookUp::default)
}

/// What the look-up of this process found, or that of one from which it was forked off.
static FOUND: OnceLock<Option<Commit>> = OnceLock::new();

/// Asks for the commit once per process, on a thread of its own: `git status` can take long in a large repository.
pub(crate) fn look_up_commit() {
    if FOUND.get().is_some() || look_up().has_begun.swap(true, Ordering::Relaxed) {
        return;
    }
    let ask = || {
        commit();
        learn(|progress| progress.is_done = true);
    };
    if thread::Builder::new().name("mltrace-git".to_owned()).spawn(ask).is_err() {
        learn(|progress| progress.is_done = true);
    }
}

fn learn(change: impl FnOnce(&mut Progress)) {
    let mut progress = look_up().progress();
    change(&mut progress);
    if progress.is_done {
        let _ = FOUND.set(progress.commit.clone());
    }
    drop(progress);
    look_up().changed.notify_all();
}

impl LookUp {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The commit, if all is known of it by now and there is one.
pub(crate) fn known_commit() -> Option<Commit> {
    FOUND.get().cloned().flatten()
}

/// What can be known of the commit until a time.
pub(crate) fn await_commit(deadline: Instant) -> Option<Commit> {
    if let Some(found) = FOUND.get() {
        return found.clone();
    }
    let LookUp { changed, .. } = look_up();
    let at_most = deadline.saturating_duration_since(Instant::now());
    let (progress, _) = changed
        .wait_timeout_while(look_up().progress(), at_most, |progress| !progress.is_done)
        .unwrap_or_else(PoisonError::into_inner);
    progress.commit.clone()
}

fn commit() {
    if let Ok(stated) = env::var("MLTRACE_COMMIT") {
        let dirty = stated.ends_with("-dirty").then_some(true);
        let hash = Some(stated.trim_end_matches("-dirty").to_owned());
        learn(|progress| progress.commit = Some(Commit { hash, dirty, tags: Vec::new(), source: CommitSource::Build }));
        return;
    }
    let Some(repository) = repository() else { return };
    let Some(hash) = git(repository, &["rev-parse", "--verify", "HEAD"]) else { return };
    let mut commit = Commit {
        hash: Some(hash.trim().to_owned()),
        dirty: None,
        tags: git(repository, &["tag", "--points-at", "HEAD"])
            .map(|tags| tags.lines().map(ToOwned::to_owned).collect())
            .unwrap_or_default(),
        source: CommitSource::Cwd,
    };
    learn(|progress| progress.commit = Some(commit.clone()));
    commit.dirty =
        git(repository, &["status", "--porcelain", "--untracked-files=no"]).map(|changes| !changes.is_empty());
    learn(|progress| progress.commit = Some(commit));
}

fn git(repository: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        // Asking must not take locks that would make the user's own git fail.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

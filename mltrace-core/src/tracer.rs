//! The tracer: a store, and how runs of this program are written to it. One is global; each thread may have its own.

use std::cell::RefCell;
use std::fmt;
use std::io::Write;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use uuid::Uuid;

use crate::artifact::Artifact;
use crate::capture::Captured;
use crate::component_run::ComponentRun;
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::{self, Fingerprinter, STORE_FOLDER, absolute, lexically_clean};
use crate::fork::PerProcess;
use crate::model::{IoPointer, PointerType, RunEntry, RunId, Version, VersionKind};
use crate::record::is_disabled;
#[cfg(feature = "care")]
use crate::store::Put;
use crate::store::{Durability, Store};
use crate::writer::{OpenRun, Stats, Writer};

const FINGERPRINT_LIMIT: u64 = 16 << 20;

/// Writes runs to a store and answers questions about it. Cheap to clone; clones share one store.
///
/// A run is written when it ends. That of a traced function which is open for longer than a second is written as running
/// before, with its inputs so far, and counts as lost if its process dies or is silent for a minute; if the process dies
/// within that second the run leaves no trace. A process may fork: parent and child then write by themselves.
///
/// ```
/// use mltrace_core::{Durability, Tracer};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("pipeline.db");
/// let tracer = Tracer::builder(path).durability(Durability::Full).fingerprint_limit(64 << 20).open()?;
/// assert!(tracer.recent(10)?.items.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tracer(Arc<Inner>);

struct Inner {
    /// That of the process which opened the store.
    writer: Arc<Writer>,
    in_children: PerProcess<Arc<Writer>>,
    fingerprinter: Fingerprinter,
    is_buffered: bool,
}

/// Settings of a [`Tracer`] before it is opened.
#[derive(Debug, Clone)]
pub struct TracerBuilder {
    path: PathBuf,
    durability: Durability,
    fingerprint_limit: u64,
    root: Option<PathBuf>,
    is_buffered: bool,
}

impl TracerBuilder {
    /// What a commit survives; the death of the process by default.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Files up to this size, in bytes, are hashed whole, larger ones by samples; 16 MiB by default.
    #[must_use]
    pub fn fingerprint_limit(mut self, bytes: u64) -> Self {
        self.fingerprint_limit = bytes;
        self
    }

    /// The project's folder: names of paths inside it are written relative to it. By default the folder that holds the
    /// store's `.mltrace`, and none for a store elsewhere.
    #[must_use]
    pub fn root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.root = Some(lexically_clean(&folder.into()));
        self
    }

    /// Whether traced functions only queue their runs, which are committed soon by a thread in the background, as
    /// `#[component(buffered)]` says of one function; by default a function returns when its run is committed.
    /// [`Tracer::flush`], dropping the last tracer and the end of the process, also by a panic, lose nothing. A kill, an
    /// abort and a panic during a panic, which aborts at once, may lose what is queued. Where the queue is full a call
    /// waits for up to a second, and only then drops its run ([`Tracer::stats`] counts).
    ///
    /// For runs by hand the method says it: [`Tracer::log_component_run`] commits, [`Tracer::queue_component_run`] queues.
    #[must_use]
    pub fn buffered(mut self, buffered: bool) -> Self {
        self.is_buffered = buffered;
        self
    }

    /// Opens the store, creating it if there is none.
    ///
    /// # Errors
    /// The file cannot be created or read, is no store, is damaged, or needs a newer mltrace. It is left as it was.
    pub fn open(self) -> Result<Tracer> {
        if self.path == Path::new(IN_MEMORY) {
            return Ok(self.over(Store::in_memory()?));
        }
        let path = absolute(&self.path);
        let store = Store::create(&path, self.durability)?;
        Ok(self.over(store))
    }

    fn over(self, store: Store) -> Tracer {
        let mut root = self.root;
        if let Some(path) = store.path() {
            fingerprint::leave_alone(path);
            root = root.or_else(|| project_root(path));
        }
        let fingerprinter = Fingerprinter { root, limit: self.fingerprint_limit };
        Tracer(Arc::new(Inner {
            writer: Writer::new(Arc::new(store)),
            in_children: PerProcess::new(),
            fingerprinter,
            is_buffered: self.is_buffered,
        }))
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracer").field(&self.writer().store().path().unwrap_or(Path::new(":memory:"))).finish()
    }
}

impl Tracer {
    /// Opens a store, creating it if there is none; `:memory:` stands for one in memory.
    ///
    /// # Errors
    /// As [`TracerBuilder::open`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::builder(path).open()
    }

    /// Settings for a store.
    pub fn builder(path: impl Into<PathBuf>) -> TracerBuilder {
        TracerBuilder {
            path: path.into(),
            durability: Durability::default(),
            fingerprint_limit: FINGERPRINT_LIMIT,
            root: None,
            is_buffered: false,
        }
    }

    /// A store that lives as long as its tracer and leaves no file: for tests.
    ///
    /// # Errors
    /// Memory for the store cannot be had.
    pub fn in_memory() -> Result<Self> {
        Self::open(IN_MEMORY)
    }

    /// Opens a store that must be there already, as a program that only asks does.
    ///
    /// # Errors
    /// There is no such file, or as [`TracerBuilder::open`].
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self> {
        let path = absolute(path.as_ref());
        Ok(Self::builder(&path).over(Store::open(&path)?))
    }

    /// The store that a traced function without any set-up writes to: `$MLTRACE_DB`, or else the nearest
    /// `.mltrace/mltrace.db` from the working directory upward, or else a new one at the nearest folder upward that has
    /// `.git` or a workspace's `Cargo.toml`, or else in the working directory.
    ///
    /// # Errors
    /// As [`TracerBuilder::open`].
    pub fn open_default() -> Result<Self> {
        let path = default_path()?;
        let is_new = path != Path::new(IN_MEMORY) && !path.exists();
        if is_new && let Some(folder) = path.parent().filter(|folder| folder.ends_with(STORE_FOLDER)) {
            create_folder(folder)?;
        }
        let tracer = Self::open(&path)?;
        if is_new {
            // A new file deserves one line that names it, if there is anyone to read it.
            let _ = writeln!(io::stderr(), "mltrace: tracing to {}", path.display());
        }
        Ok(tracer)
    }

    /// Where [`open_default`](Self::open_default) looks: the path of a store that may not be there yet.
    ///
    /// # Errors
    /// The working directory cannot be read.
    pub fn default_path() -> Result<PathBuf> {
        default_path()
    }

    /// A tracer of the same store with connections of its own, so that questions to both are answered side by side; clones
    /// share theirs. A store in memory has one connection only, so that this is a clone.
    ///
    /// ```
    /// use mltrace_core::Tracer;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("pipeline.db");
    /// let tracer = Tracer::open(path)?;
    /// let beside = tracer.beside()?;
    /// std::thread::spawn(move || beside.recent(10)).join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open_existing`](Self::open_existing).
    pub fn beside(&self) -> Result<Self> {
        let Some(path) = self.store().path() else { return Ok(self.clone()) };
        Ok(Self(Arc::new(Inner {
            writer: Writer::new(Arc::new(Store::open(path)?)),
            in_children: PerProcess::new(),
            fingerprinter: self.0.fingerprinter.clone(),
            is_buffered: self.0.is_buffered,
        })))
    }

    /// The store's file; `None` for a store in memory.
    pub fn path(&self) -> Option<&Path> {
        self.store().path()
    }

    /// Commits the runs that buffered calls have queued so far, waiting for a locked store as long as its busy time-out.
    ///
    /// # Errors
    /// The store cannot be written. The runs stay queued.
    pub fn flush(&self) -> Result<()> {
        self.writer().flush()
    }

    /// How many runs of buffered calls wait to be written, and how many were dropped.
    pub fn stats(&self) -> Stats {
        self.writer().stats()
    }

    fn writer(&self) -> &Writer {
        let Inner { writer, in_children, .. } = &*self.0;
        if writer.is_of_this_process() {
            return writer;
        }
        in_children.get_or_init(|| {
            writer.store().path().into_iter().for_each(fingerprint::leave_alone);
            writer.in_child()
        })
    }

    /// A run that somebody else reports is committed.
    #[cfg(feature = "care")]
    pub(crate) fn committed(&self, run: &RunEntry, put: &Put) {
        self.writer().committed(run, put);
    }

    pub(crate) fn store(&self) -> &Store {
        self.writer().store()
    }

    /// Commits a run that the program describes itself.
    pub(crate) fn put_run(&self, entry: RunEntry) -> Result<RunId> {
        self.writer().put_run(entry)
    }

    /// Queues such a run.
    pub(crate) fn queue_run(&self, entry: RunEntry) -> Result<()> {
        if self.writer().buffer_run(entry)? {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Busy,
            "the queue of runs that wait to be written is full; this one was not recorded. Queue fewer, or commit them by \
             `log_component_run`",
        ))
    }

    /// The run of a traced function has started.
    pub(crate) fn watch(&self, uuid: Uuid, run: Weak<dyn OpenRun>) {
        self.writer().watch(uuid, run);
    }

    /// Such a run has ended.
    pub(crate) fn unwatch(&self, uuid: Uuid) {
        self.writer().unwatch(uuid);
    }

    /// Writes the run of a traced function.
    pub(crate) fn put_traced_run(&self, entry: RunEntry, is_buffered: bool) -> Result<()> {
        if is_buffered || self.0.is_buffered {
            return self.writer().buffer_run(entry).map(drop);
        }
        self.writer().put_traced_run(entry).map(drop)
    }

    /// The pointer for what a program captured, and the path whose version it still lacks.
    pub(crate) fn pointer(&self, captured: Captured) -> (IoPointer, Option<PathBuf>) {
        match captured {
            Captured::Name(name) => (IoPointer::new(name), None),
            Captured::Pointer(pointer) => (IoPointer { flagged: false, labels: None, ..pointer }, None),
            Captured::Artifact(artifact) => (self.artifact_pointer(&artifact), None),
            Captured::Path(path) => {
                let absolute = absolute(&path);
                (self.path_pointer(&path, &absolute), Some(absolute))
            }
        }
    }

    /// The pointer of a path, as it was spelled and where that was when it was.
    pub(crate) fn path_pointer(&self, spelled: &Path, absolute: &Path) -> IoPointer {
        let pointer = IoPointer::new(self.path_name(absolute));
        let spelled = spelled.to_str().filter(|&spelled| spelled != pointer.name).map(ToOwned::to_owned);
        IoPointer { spelled, ..pointer }
    }

    /// The pointer of an artifact, whose name is that of its folder. It is a model unless its name says otherwise.
    fn artifact_pointer(&self, artifact: &Artifact) -> IoPointer {
        let pointer = IoPointer::new(self.path_name(artifact.folder()));
        let pointer_type = match pointer.pointer_type {
            PointerType::Unknown => PointerType::Model,
            inferred => inferred,
        };
        let spelled = Some(self.path_name(&artifact.path));
        IoPointer { spelled, version: Some(artifact.version.clone()), pointer_type, ..pointer }
    }

    /// The name of a path in this store: cleaned of `.` and `..`, and written relative to the project's root where it lies
    /// inside it. Traced functions, and runs by hand, record paths under this name.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use mltrace_core::Tracer;
    ///
    /// let tracer = Tracer::builder(":memory:").root("/project").open()?;
    /// assert_eq!(tracer.path_name(Path::new("/project/./raw/2020-01.csv")), "raw/2020-01.csv");
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    pub fn path_name(&self, path: &Path) -> String {
        self.0.fingerprinter.name(path)
    }

    /// The path that a pointer stands for: its name, where that is absolute or its content was measured; `None` if it is no
    /// path, or it isn't known where that begins.
    ///
    /// ```
    /// use mltrace_core::{IoPointer, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// assert_eq!(tracer.path_of(&IoPointer::new("/raw/2020-01.csv")), Some("/raw/2020-01.csv".into()));
    /// assert_eq!(tracer.path_of(&IoPointer::new("warehouse.rides")), None);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    pub fn path_of(&self, pointer: &IoPointer) -> Option<PathBuf> {
        let is_measured = pointer.version.as_ref().is_some_and(|version| version.kind != VersionKind::Stated);
        let is_path = is_measured || Path::new(&pointer.name).is_absolute();
        self.0.fingerprinter.path(&pointer.name).filter(|_| is_path)
    }

    /// How paths become names and versions in this store.
    pub(crate) fn fingerprinter(&self) -> &Fingerprinter {
        &self.0.fingerprinter
    }

    /// The version of what lies at a path now.
    pub(crate) fn version(&self, path: &Path) -> Option<Version> {
        self.0.fingerprinter.version(path)
    }
}

/// The path that stands for a store in memory.
const IN_MEMORY: &str = ":memory:";

/// The folder that holds the store's `.mltrace`.
fn project_root(store: &Path) -> Option<PathBuf> {
    let store = lexically_clean(store);
    let folder = store.parent()?;
    if folder.ends_with(STORE_FOLDER) { folder.parent().map(Path::to_owned) } else { None }
}

fn default_path() -> Result<PathBuf> {
    if let Some(path) = env::var_os("MLTRACE_DB").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let here = env::current_dir().map_err(|source| {
        Error::new(ErrorKind::Io, "the working directory cannot be read: set MLTRACE_DB to the store's path")
            .with_source(source)
    })?;
    let store = |folder: &Path| folder.join(STORE_FOLDER).join("mltrace.db");
    let existing = here.ancestors().map(store).find(|path| path.is_file());
    Ok(existing.unwrap_or_else(|| store(here.ancestors().find(|folder| is_project(folder)).unwrap_or(&here))))
}

fn is_project(folder: &Path) -> bool {
    let is_workspace = |manifest: String| manifest.lines().any(|line| line.trim().starts_with("[workspace"));
    folder.join(".git").exists() || fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(is_workspace)
}

/// The folder hides itself from git, so that nobody commits a store by mistake.
fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).and_then(|()| fs::write(folder.join(".gitignore"), "*\n")).map_err(|source| {
        let message =
            format!("cannot create {}: {source}. Set MLTRACE_DB to a path that can be written", folder.display());
        Error::new(ErrorKind::Io, message).with_source(source)
    })
}

static GLOBAL: OnceLock<Tracer> = OnceLock::new();

/// Makes a tracer the global one, which every traced function uses from now on.
///
/// # Errors
/// There is a global tracer already ([`ErrorKind::AlreadyInitialised`]); it stays.
pub fn init(tracer: Tracer) -> Result<()> {
    GLOBAL.set(tracer).map_err(|_| {
        Error::new(
            ErrorKind::AlreadyInitialised,
            "a global tracer is already set: call `init` once, at the start of `main`",
        )
    })
}

thread_local! {
    static SCOPED: RefCell<ScopedTracers> = const { RefCell::new(ScopedTracers { last_key: 0, tracers: Vec::new() }) };
}

/// This thread's own tracers, the last of which counts.
struct ScopedTracers {
    last_key: u64,
    tracers: Vec<(u64, Tracer)>,
}

/// Makes a tracer this thread's own until the guard is dropped; guards may be nested.
///
/// ```
/// use mltrace_core::{ComponentRun, Tracer, log_component_run, scoped};
///
/// let tracer = Tracer::in_memory()?;
/// let _guard = scoped(&tracer);
/// let mut run = ComponentRun::new("cleaning");
/// run.start().end();
/// log_component_run(run)?;
/// assert_eq!(tracer.recent(10)?.items.len(), 1);
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[must_use = "the tracer is this thread's own only until the guard is dropped"]
pub fn scoped(tracer: &Tracer) -> Scoped {
    let key = SCOPED.with_borrow_mut(|scoped| {
        scoped.last_key += 1;
        scoped.tracers.push((scoped.last_key, tracer.clone()));
        scoped.last_key
    });
    Scoped { key, thread: PhantomData }
}

/// The guard of [`scoped`].
#[derive(Debug)]
pub struct Scoped {
    key: u64,
    /// Bound to its thread.
    thread: PhantomData<*const ()>,
}

impl Drop for Scoped {
    fn drop(&mut self) {
        let own = |scoped: &RefCell<ScopedTracers>| {
            let tracers = &mut scoped.borrow_mut().tracers;
            let place = tracers.iter().position(|(key, _)| *key == self.key)?;
            Some(tracers.remove(place))
        };
        // The tracer is dropped outside the borrow: closing its store may take a while and may log.
        let _closed = SCOPED.try_with(own);
    }
}

fn explicit() -> Option<Tracer> {
    let scoped = SCOPED.try_with(|scoped| scoped.borrow().tracers.last().map(|(_, tracer)| tracer.clone()));
    // A thread that ends has no tracer of its own any more.
    scoped.ok().flatten().or_else(|| GLOBAL.get().cloned())
}

/// The tracer of a program that made none, opened when first needed.
static DEFAULT: OnceLock<Tracer> = OnceLock::new();

/// When opening the default tracer failed last. Held while it is opened, by one thread; a child that is forked off
/// meanwhile must not wait for it.
static FAILED_AT: PerProcess<Mutex<Option<Instant>>> = PerProcess::new();

/// Opens the default tracer, unless another thread has.
fn open_default_once(failed_at: &mut Option<Instant>) -> Result<Tracer> {
    if let Some(tracer) = DEFAULT.get() {
        return Ok(tracer.clone());
    }
    let opened = Tracer::open_default();
    *failed_at = opened.is_err().then(Instant::now);
    opened.map(|tracer| DEFAULT.get_or_init(|| tracer).clone())
}

fn failed_at() -> MutexGuard<'static, Option<Instant>> {
    FAILED_AT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tracer for a traced function, or `None`, after an event that says why, where there can be none.
pub(crate) fn for_traced_function(in_unit_test: bool) -> Option<Tracer> {
    /// A store that cannot be opened is not tried again at every call.
    const PAUSE: Duration = Duration::from_secs(10);
    if let Some(tracer) = explicit() {
        return Some(tracer);
    }
    if in_unit_test {
        static IN_MEMORY: OnceLock<Option<Tracer>> = OnceLock::new();
        return IN_MEMORY.get_or_init(|| Tracer::in_memory().ok()).clone();
    }
    if let Some(tracer) = DEFAULT.get() {
        return Some(tracer.clone());
    }
    let opened = {
        let mut failed_at = failed_at();
        if failed_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        open_default_once(&mut failed_at)
    };
    opened.map_err(|error| tracing::warn!(%error, "runs are not recorded")).ok()
}

/// This thread's tracer, else the global one, else the default, which is opened where it can be.
fn current_tracer() -> Result<Tracer> {
    explicit().map_or_else(|| open_default_once(&mut failed_at()), Ok)
}

/// The version of what lies at a path now, by the settings of the tracer that this thread would use.
pub(crate) fn version_here(path: &Path) -> Option<Version> {
    let default = || Fingerprinter { root: None, limit: FINGERPRINT_LIMIT };
    explicit().map_or_else(default, |tracer| tracer.0.fingerprinter.clone()).version(path)
}

/// Commits a run that the program describes itself, by this thread's tracer, else the global one, else the default.
///
/// # Errors
/// As [`Tracer::log_component_run`], or the default store cannot be opened.
pub fn log_component_run(run: ComponentRun) -> Result<RunId> {
    if is_disabled() {
        return Ok(RunId(0));
    }
    current_tracer()?.log_component_run(run)
}

/// Queues a run that the program describes itself, by this thread's tracer, else the global one, else the default.
///
/// # Errors
/// As [`Tracer::queue_component_run`], or the default store cannot be opened.
pub fn queue_component_run(run: ComponentRun) -> Result<Uuid> {
    if is_disabled() {
        return Ok(run.uuid());
    }
    current_tracer()?.queue_component_run(run)
}

//! A file system between SQLite and the real one, on which operations of a kind fail from the n-th on, once or more often. It becomes the default of
//! this process; files that others open by the name of the real one, `unix`, are none of its business.
#![allow(unsafe_code, reason = "a file system of SQLite is a table of C functions")]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_int, c_void};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};

use rusqlite::ffi::{
    self, sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find,
    sqlite3_vfs_register,
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing can be read. That less can be read than there was is no fault to SQLite: the file is shorter then, and damaged.
    Read,
    Write,
    /// Half of it is written before the disk fails.
    ShortWrite,
    Full,
    Truncate,
    Sync,
    Lock,
    /// The memory that connections share cannot be had.
    SharedMemory,
    Open,
}

impl Fault {
    pub(crate) const ALL: [Self; 9] = [
        Self::Read,
        Self::Write,
        Self::ShortWrite,
        Self::Full,
        Self::Truncate,
        Self::Sync,
        Self::Lock,
        Self::SharedMemory,
        Self::Open,
    ];

    fn code(self) -> c_int {
        match self {
            Self::Read => ffi::SQLITE_IOERR_READ,
            Self::Write | Self::ShortWrite => ffi::SQLITE_IOERR_WRITE,
            Self::Full => ffi::SQLITE_FULL,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
            Self::Lock => ffi::SQLITE_IOERR_LOCK,
            Self::SharedMemory => ffi::SQLITE_IOERR_SHMMAP,
            Self::Open => ffi::SQLITE_CANTOPEN,
        }
    }
}

#[derive(Debug)]
struct Plan {
    fault: Fault,
    /// How many operations of the kind still succeed.
    spared: usize,
    /// How many operations in a row fail then.
    failures: usize,
    hits: usize,
}

static PLAN: Mutex<Option<Plan>> = Mutex::new(None);

fn plan() -> MutexGuard<'static, Option<Plan>> {
    PLAN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, after so many operations of the kind that succeed, so many fail.
pub(crate) fn arm(fault: Fault, spared: usize, failures: usize) {
    install();
    *plan() = Some(Plan { fault, spared, failures, hits: 0 });
}

/// Nothing fails any more. Says how often something did.
pub(crate) fn disarm() -> usize {
    plan().take().map_or(0, |plan| plan.hits)
}

/// The fault that strikes this operation, if it is one of `kinds`.
fn strikes(kinds: &[Fault]) -> Option<Fault> {
    let mut plan = plan();
    let plan = plan.as_mut().filter(|plan| kinds.contains(&plan.fault))?;
    if plan.spared > 0 {
        plan.spared -= 1;
        return None;
    }
    if plan.hits == plan.failures {
        return None;
    }
    plan.hits += 1;
    Some(plan.fault)
}

/// The functions of a file, and those that they stand before.
#[repr(C)]
struct Methods {
    ours: sqlite3_io_methods,
    real: &'static sqlite3_io_methods,
}

static REAL: OnceLock<usize> = OnceLock::new();

/// Puts this file system before the real one.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default file system lives as long as the process, and so does the leaked copy of its table. Its
        // functions do not ask where their table lies.
        unsafe {
            let real = sqlite3_vfs_find(std::ptr::null());
            REAL.set(real.expose_provenance()).unwrap();
            let ours =
                sqlite3_vfs { zName: c"faulty".as_ptr(), xOpen: Some(open), pNext: std::ptr::null_mut(), ..*real };
            assert_eq!(sqlite3_vfs_register(Box::into_raw(Box::new(ours)), 1), ffi::SQLITE_OK);
        }
    });
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: what SQLite hands over goes on to the real file system, whose table it was made from.
    unsafe {
        if let Some(fault) = strikes(&[Fault::Open]) {
            (*file).pMethods = std::ptr::null();
            return fault.code();
        }
        let real: *mut sqlite3_vfs = std::ptr::with_exposed_provenance_mut(*REAL.get().unwrap());
        let code = (*real).xOpen.unwrap()(real, name, file, flags, out);
        if let Some(methods) = (*file).pMethods.as_ref() {
            (*file).pMethods = &raw const before(methods).ours;
        }
        code
    }
}

/// The table that stands before a real one. There are few, one for each way of locking, and they live for ever.
fn before(real: &'static sqlite3_io_methods) -> &'static Methods {
    static KNOWN: Mutex<BTreeMap<usize, &'static Methods>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    known.entry(std::ptr::from_ref(real).addr()).or_insert_with(|| {
        let ours = sqlite3_io_methods {
            xRead: Some(read),
            xWrite: Some(write),
            xTruncate: Some(truncate),
            xSync: Some(sync),
            xLock: Some(lock),
            xShmMap: real.xShmMap.map(|_| shm_map as _),
            xShmLock: real.xShmLock.map(|_| shm_lock as _),
            ..*real
        };
        Box::leak(Box::new(Methods { ours, real }))
    })
}

/// # Safety
/// The file was opened by [`open`].
unsafe fn real(file: *mut sqlite3_file) -> &'static sqlite3_io_methods {
    // SAFETY: the table of such a file is the first field of `Methods`.
    unsafe { (*(*file).pMethods.cast::<Methods>()).real }
}

// SAFETY, for all below: SQLite calls them with files that were opened above, and with what the real ones expect.

unsafe extern "C" fn read(file: *mut sqlite3_file, into: *mut c_void, amount: c_int, at: sqlite3_int64) -> c_int {
    match strikes(&[Fault::Read]) {
        Some(fault) => fault.code(),
        None => unsafe { real(file).xRead.unwrap()(file, into, amount, at) },
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, amount: c_int, at: sqlite3_int64) -> c_int {
    match strikes(&[Fault::Write, Fault::ShortWrite, Fault::Full]) {
        Some(fault) => {
            if fault == Fault::ShortWrite {
                unsafe { real(file).xWrite.unwrap()(file, from, amount / 2, at) };
            }
            fault.code()
        }
        None => unsafe { real(file).xWrite.unwrap()(file, from, amount, at) },
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    match strikes(&[Fault::Truncate]) {
        Some(fault) => fault.code(),
        None => unsafe { real(file).xTruncate.unwrap()(file, size) },
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    match strikes(&[Fault::Sync]) {
        Some(fault) => fault.code(),
        None => unsafe { real(file).xSync.unwrap()(file, flags) },
    }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    match strikes(&[Fault::Lock]) {
        Some(fault) => fault.code(),
        None => unsafe { real(file).xLock.unwrap()(file, level) },
    }
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    into: *mut *mut c_void,
) -> c_int {
    match strikes(&[Fault::SharedMemory]) {
        Some(fault) => {
            unsafe { *into = std::ptr::null_mut() };
            fault.code()
        }
        None => unsafe { real(file).xShmMap.unwrap()(file, page, size, extend, into) },
    }
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    let is_locking = flags & ffi::SQLITE_SHM_LOCK != 0;
    match strikes(&[Fault::Lock]).filter(|_| is_locking) {
        Some(fault) => fault.code(),
        None => unsafe { real(file).xShmLock.unwrap()(file, offset, count, flags) },
    }
}

/// What the real file system is called.
pub(crate) fn real_name() -> &'static CStr {
    install();
    // SAFETY: its name lives as long as the process.
    unsafe {
        let real: *mut sqlite3_vfs = std::ptr::with_exposed_provenance_mut(*REAL.get().unwrap());
        CStr::from_ptr((*real).zName)
    }
}

//! What a store's file lies on. SQLite's locks and its shared memory hold within one host; on a network file system two
//! hosts can damage a store without either noticing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Store;

/// Of the numbers that Linux gives file systems those that stand for a network, with the names that people know them by.
const NETWORKS: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE, as of sshfs"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0x786f_4256, "a shared folder of VirtualBox"),
];

/// The name of a network file system, given the number that Linux has for it.
fn network(number: u32) -> Option<&'static str> {
    NETWORKS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

#[cfg(target_os = "linux")]
fn network_at(path: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(path).ok()?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of 32 bits, which some machines widen with its sign"
    )]
    network(found.f_type as u32)
}

/// Elsewhere it cannot be told.
#[cfg(not(target_os = "linux"))]
fn network_at(_: &Path) -> Option<&'static str> {
    None
}

/// What to do about a store on a network.
const ADVICE: &str =
    "keep the store on a disk of one host, and bring runs together with `mltrace export` and `mltrace import`";

impl Store {
    /// What is to be known, and what to be done, where the file lies on a network.
    pub(crate) fn network_trouble(&self) -> Option<(String, &'static str)> {
        let network = network_at(self.path()?)?;
        let message =
            format!("the store lies on a network file system ({network}), where writes of two hosts can damage it");
        Some((message, ADVICE))
    }

    /// Warns of a network, once in a process.
    pub(super) fn warn_of_network(&self) {
        static WARNED: AtomicBool = AtomicBool::new(false);
        if let Some((message, advice)) = self.network_trouble()
            && !WARNED.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(path = ?self.path(), "{message}: {advice}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Durability;

    #[test]
    fn networks_are_told_from_disks_by_their_numbers() {
        for (number, name) in [(0x6969, "NFS"), (0xff53_4d42, "CIFS"), (0xfe53_4d42, "SMB"), (0x0102_1997, "9p")] {
            assert_eq!(network(number), Some(name));
        }
        assert!(network(0x6573_5546).unwrap().contains("sshfs"));
        let [ext4, xfs, btrfs, tmpfs, overlay] = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630];
        for local in [ext4, xfs, btrfs, tmpfs, overlay] {
            assert_eq!(network(local), None, "{local:x}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_number_is_that_of_the_path() {
        let of = |path: &str| rustix::fs::statfs(path).unwrap().f_type;
        assert_eq!(of("/proc"), 0x9fa0);
        assert_eq!(network_at(Path::new("/proc")), None);
        assert_eq!(network_at(Path::new("/no/such/place")), None);
    }

    #[test]
    fn a_store_in_memory_lies_on_no_network() {
        assert_eq!(Store::in_memory().unwrap().network_trouble(), None);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("store.db"), Durability::Normal).unwrap();
        assert_eq!(store.network_trouble().is_some(), network_at(folder.path()).is_some());
    }
}

//! The programs that the tests meet mltrace with: from PyPI and npm in folders of the build, from Debian's packages by the
//! system.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// Programs, each with the Debian package that it comes with.
const PACKAGED: [(&str, &str); 8] = [
    ("chromedriver", "chromium-driver"),
    ("chromium", "chromium"),
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    ("nginx", "nginx-light"),
    ("openssl", "openssl"),
    ("curl", "curl"),
    ("wrk", "wrk"),
];
/// What is installed from PyPI, pinned.
const REQUIREMENTS: &str = include_str!("../peers.txt");
/// Programs that come with it.
const FROM_PYPI: [&str; 2] = ["dbt-ol", "schemathesis"];

/// What finds faults for those who do not see the page; MPL-2.0, which only tests load.
const AXE: &str = "axe-core@4.14.1";
/// Its file.
const FROM_NPM: &str = "axe.min.js";

/// What there is.
pub(crate) struct Peers {
    /// The folders in which programs are looked for.
    pub(crate) path: OsString,
    missing: Vec<String>,
}

impl Peers {
    /// Says what is missing, and why.
    pub(crate) fn tell(&self) {
        for missing in &self.missing {
            eprintln!("not met: {missing}");
        }
        if self.missing.is_empty() {
            eprintln!("met: {}", all().collect::<Vec<_>>().join(", "));
        }
    }
}

fn all() -> impl Iterator<Item = &'static str> {
    PACKAGED.into_iter().map(|(program, _)| program).chain(FROM_PYPI).chain([FROM_NPM])
}

/// Installs what is missing. What cannot be had here is no error.
pub(crate) fn fetch() -> Peers {
    let before = env::var_os("PATH").unwrap_or_default();
    let mut missing = Vec::new();
    if let Err(reason) = install_packages(&before) {
        missing.push(reason);
    }
    let mut folders = Vec::new();
    for (registry, installed) in [("PyPI", install_python()), ("npm", install_axe())] {
        match installed {
            Ok(folder) => folders.push(folder),
            Err(reason) => missing.push(format!("what {registry} has, {reason}")),
        }
    }
    let path = env::join_paths(folders.into_iter().chain(env::split_paths(&before))).unwrap_or(before);
    missing.extend(all().filter(|program| !is_on(&path, program)).map(str::to_owned));
    Peers { path, missing }
}

fn is_on(path: &OsString, program: &str) -> bool {
    env::split_paths(path).any(|folder| folder.join(program).is_file())
}

fn install_packages(path: &OsString) -> Result<(), String> {
    let mut wanted: Vec<&str> =
        PACKAGED.into_iter().filter(|(program, _)| !is_on(path, program)).map(|(_, package)| package).collect();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(());
    }
    let named = wanted.join(" ");
    eprintln!("fetching {named}");
    let advice = format!("what `apt-get install {named}` brings");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        // Services that come with a package are not to be started.
        command.args(arguments).envs([("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")]);
        ran(&mut command)
    };
    apt(&["update", "-qq"]).map_err(|error| format!("{advice}: {error}"))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(&[&install, &*wanted].concat()).map_err(|error| format!("{advice}: {error}"))
}

/// The folder of programs of an environment with all that is required, which is made anew when that has changed.
fn install_python() -> Result<PathBuf, String> {
    let folder = target().join("peers");
    let (programs, mark) = (folder.join("bin"), folder.join("installed.txt"));
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(programs);
    }
    eprintln!("fetching dbt, openlineage-python and schemathesis");
    let failed = |error: io::Error| error.to_string();
    ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).map_err(failed)?;
    let list = folder.join("peers.txt");
    fs::write(&list, REQUIREMENTS).map_err(failed)?;
    ran(Command::new(programs.join("pip")).args(["install", "--quiet", "--requirement"]).arg(&list)).map_err(failed)?;
    fs::rename(list, mark).map_err(failed)?;
    Ok(programs)
}

/// The folder of the one file that is needed.
fn install_axe() -> Result<PathBuf, String> {
    let folder = target().join("peers/npm");
    let package = folder.join("node_modules/axe-core");
    let is_there = || {
        let kept = fs::read_to_string(folder.join("package.json")).unwrap_or_default();
        package.join(FROM_NPM).is_file() && kept.contains(AXE.rsplit('@').next().unwrap_or_default())
    };
    if !is_there() {
        eprintln!("fetching {AXE}");
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--ignore-scripts", "--save-exact", "--prefix"]).arg(&folder).arg(AXE);
        ran(&mut npm).map_err(|error| error.to_string())?;
    }
    Ok(package)
}

fn target() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target");
    env::var_os("CARGO_TARGET_DIR").map_or_else(beside, PathBuf::from)
}

fn ran(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it failed");
    Err(io::Error::other(last.to_owned()))
}

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read};
use std::path::Path;

use mltrace_core::{ExportReport, Tracer};

use crate::failure::Failure;
use crate::opt::Export;
use crate::progress::Watched;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Export, session: &mut Session<'_>) -> Result<(), Failure> {
    let Some(path) = opt.file.as_deref().filter(|path| *path != Path::new("-")) else {
        // The lines are the answer.
        return session.tracer.clone().export(&mut session.out()).map(drop).map_err(|error| unwritten(&error));
    };
    if is_database(path) {
        return Err(Failure::Question(format!("{} is a database: name another file", path.display())));
    }
    let report = to_file(&session.tracer, path)?;
    session.answer(&report, |report, _| render::exported(report, path))
}

/// The store itself, or another: what stands there is worth more than an export.
fn is_database(path: &Path) -> bool {
    const MAGIC: [u8; 16] = *b"SQLite format 3\0";
    let mut start = MAGIC.map(|_| 0);
    fs::metadata(path).is_ok_and(|there| there.is_file())
        && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == MAGIC
}

fn to_file(tracer: &Tracer, path: &Path) -> Result<ExportReport, Failure> {
    // A pipe or a device must not give way to a file.
    let is_file = fs::metadata(path).map_or(true, |there| there.is_file());
    let exported = if is_file { to_whole_file(tracer, path) } else { write_to(tracer, path).map(|(report, _)| report) };
    exported.map_err(|failure| match failure {
        Failure::Output(error) => Failure::Output(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        other => other,
    })
}

/// The file has its name only when it is whole. Two exports at once do not write into one another's.
fn to_whole_file(tracer: &Tracer, path: &Path) -> Result<ExportReport, Failure> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = Path::new(&partial);
    let exported = write_to(tracer, partial).and_then(|(report, file)| {
        file.sync_all()?;
        fs::rename(partial, path)?;
        Ok(report)
    });
    if exported.is_err() {
        // That it is left over matters less than why.
        let _removed = fs::remove_file(partial);
    }
    exported
}

fn write_to(tracer: &Tracer, path: &Path) -> Result<(ExportReport, File), Failure> {
    let mut lines = Watched::new(BufWriter::new(File::create(path)?), "written");
    let report = tracer.export(&mut lines).map_err(|error| unwritten(&error))?;
    let file = lines.into_inner().into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok((report, file))
}

/// Trouble with the lines is trouble with the answer, as with any other command.
fn unwritten(error: &mltrace_core::Error) -> Failure {
    match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(source) => Failure::Output(io::Error::new(source.kind(), source.to_string())),
        None => Failure::Store(error.to_string()),
    }
}

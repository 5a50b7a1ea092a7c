use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use mltrace_core::{ImportReport, Tracer};

use crate::failure::Failure;
use crate::opt::Import;
use crate::progress::Watched;
use crate::render;
use crate::session::Session;

pub(crate) fn run(opt: &Import, session: &mut Session<'_>) -> Result<(), Failure> {
    let stdin = vec![PathBuf::from("-")];
    let files = if opt.files.is_empty() { &stdin } else { &opt.files };
    let report = if opt.from_python_mltrace {
        tables(&session.tracer, files)?
    } else {
        let mut sum = ImportReport::default();
        for file in files {
            add(&mut sum, &export(&session.tracer, file)?);
        }
        sum
    };
    session.answer(&report, |report, _| render::imported(report))
}

fn export(tracer: &Tracer, file: &Path) -> Result<ImportReport, Failure> {
    let mut lines = Watched::new(open(file)?, "read");
    tracer.import(&mut lines).map_err(|error| in_file(file, error))
}

/// The tables of one database may come in several files.
fn tables(tracer: &Tracer, files: &[PathBuf]) -> Result<ImportReport, Failure> {
    let mut all: Box<dyn Read> = Box::new(io::empty());
    for file in files {
        all = Box::new(all.chain(open(file)?));
    }
    let imported = tracer.import_python(&mut Watched::new(BufReader::new(all), "read"));
    imported.map_err(|error| match files {
        [only] => in_file(only, error),
        _ => error.into(),
    })
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(file).map_err(|error| Failure::Question(format!("{}: {error}", file.display())))?;
    Ok(Box::new(BufReader::new(opened)))
}

fn in_file(file: &Path, error: mltrace_core::Error) -> Failure {
    let place = if file == Path::new("-") { "stdin".to_owned() } else { file.display().to_string() };
    match error.into() {
        Failure::Question(message) => Failure::Question(format!("{place}: {message}")),
        Failure::Store(message) => Failure::Store(format!("{place}: {message}")),
        other => other,
    }
}

fn add(sum: &mut ImportReport, part: &ImportReport) {
    sum.lines += part.lines;
    sum.runs += part.runs;
    sum.new_runs += part.new_runs;
    sum.tags += part.tags;
    sum.flags += part.flags;
    sum.labels += part.labels;
    sum.retractions += part.retractions;
    sum.outputs += part.outputs;
    sum.feedback += part.feedback;
    sum.profiles += part.profiles;
    sum.answers += part.answers;
    sum.skipped += part.skipped;
}

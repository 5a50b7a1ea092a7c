//! What the common questions take in a store of a million runs, and in one of 1,000. The design gives no bar but for the
//! trace: none may grow with the store.
//!
//! The last ten runs of a component, with the names of all inputs and outputs, are also compared with `support/raw_read.rs`
//! on the same file: one statement for the runs with all their columns, one for all inputs, one for all outputs, and so on.

use std::hint::black_box;
use std::path::Path;

use mltrace::Tracer;

use crate::durable::bytes_a_run;
use crate::support::measure::{Timing, in_turns};
use crate::support::raw_read::RawReader;
use crate::support::stored::Stored;
use crate::support::table::{Bar, Table};
use crate::support::{Result, raw_read};
use crate::{CHAIN, Setting};

const COMPONENT: &str = "featuregen";
const LAST_TEN: &str = "
    WHERE r.component = (SELECT id FROM component WHERE name = ?1)
    ORDER BY r.started_at DESC, r.id DESC LIMIT 10";
const BLOCKS: usize = 24;
const CALLS: usize = 20;

pub(crate) fn bench(setting: &Setting, table: &mut Table) -> Result<()> {
    history(setting, table)?;
    let [small, large] = [setting.small()?, setting.large()?];
    let [small_bytes, large_bytes] = [bytes_a_run(small)?, bytes_a_run(large)?];
    let growth = setting.growth();
    table.row(
        &format!("size on disk, bytes a run, {growth}"),
        Bar::None,
        large_bytes / small_bytes,
        "",
        format!("{large_bytes:.0} B, {:.0} MB in all", f64::from(u32::try_from(large.metadata()?.len())?) / 1e6),
        format!("{small_bytes:.0} B"),
    );
    let questions: [(&str, Question); 5] = [
        ("trace of depth 100", |asked| seen(asked.tracer.trace(&asked.output).get())),
        ("history, last 10", |asked| seen(asked.tracer.history(COMPONENT).limit(10).get())),
        ("recent, last 10", |asked| seen(asked.tracer.recent(10))),
        ("stale", |asked| seen(asked.tracer.stale().get())),
        ("review of 5 flagged outputs", |asked| seen(asked.tracer.review().get())),
    ];
    let [small, large] = [Asked::new(small)?, Asked::new(large)?];
    for (name, question) in questions {
        let [of_large, of_small]: [Timing; 2] =
            in_turns(BLOCKS, CALLS, &mut [&mut |_| question(&large), &mut |_| question(&small)])?;
        table.ratio(&format!("{name}, {growth}"), Bar::None, &of_large, &of_small);
    }
    Ok(())
}

type Question = fn(&Asked) -> Result<()>;

fn seen<T>(answer: mltrace::Result<T>) -> Result<()> {
    black_box(answer?);
    Ok(())
}

/// A store with five of the last nine chains' outputs flagged.
struct Asked {
    tracer: Tracer,
    /// That of the last chain that ended.
    output: String,
}

impl Asked {
    fn new(file: &Path) -> Result<Self> {
        let Stored { tracer, connection } = Stored::open(file)?;
        let runs: u32 = connection.query_row("SELECT count(*) FROM run", [], |row| row.get(0))?;
        let name_of = |chain: u32| -> Result<String> {
            let sql = "SELECT n.text FROM output o JOIN text n ON n.id = o.name WHERE o.run = ?1 AND o.position = 0";
            Ok(connection.query_row(sql, [chain * CHAIN], |row| row.get(0))?)
        };
        let last = runs / CHAIN;
        for chain in (last - 8..=last).step_by(2) {
            tracer.flag(&name_of(chain)?)?;
        }
        Ok(Self { output: name_of(last)?, tracer })
    }
}

fn history(setting: &Setting, table: &mut Table) -> Result<()> {
    let store = Stored::open(setting.large()?)?;
    let mut reader = RawReader::new(&store.connection, "", "run r", LAST_TEN)?;
    let page = store.tracer.history(COMPONENT).limit(10).get()?;
    raw_read::expect_the_same(&reader.read(&[&COMPONENT])?, page.items.iter())?;
    let [ours, raw] = in_turns(
        BLOCKS,
        CALLS,
        &mut [
            &mut |_| {
                black_box(store.tracer.history(COMPONENT).limit(10).get()?);
                Ok(())
            },
            &mut |_| {
                black_box(reader.read(&[&COMPONENT])?);
                Ok(())
            },
        ],
    )?;
    table.ratio(&format!("history last 10, {} runs / raw", setting.large_name()), Bar::None, &ours, &raw);
    Ok(())
}

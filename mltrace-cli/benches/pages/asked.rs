//! Every page there is, and how it is asked.

use mltrace_core::{RunId, Tracer};

use super::Result;
use super::made::{self, BEAT, BEATEN, RARE, SETTINGS, SHARED, TASK, component, date, label, predictions};

/// A page by what it shows, and its address in one of the stores.
pub(crate) struct Page {
    pub(crate) name: &'static str,
    pub(crate) path: String,
}

/// The pages of a store. They show the same in each, as far as the store has it.
pub(crate) fn pages(tracer: &Tracer) -> Result<Vec<Page>> {
    let last = tracer.briefs_before(RunId(i64::MAX), 1)?.first().map_or(RunId(0), |run| run.id);
    let middle = last.0 / 2;
    let last_of = |component: &str| -> Result<RunId> {
        let found = tracer.history(component).limit(2).briefs()?.items;
        Ok(found.first().ok_or("no run")?.id)
    };
    let predict = component(3, "predict");
    let run = last_of(&predict)?;
    let before = tracer.history(predict.as_str()).limit(2).briefs()?.items.last().ok_or("no run")?.id;
    let (split, inferred) = (last_of("split")?, last_of("rides/predict")?);
    let recorded_near = {
        // A place deep in the list of components, which both stores have.
        component(7, "clean")
    };
    let [early, late] = [date(20), date(22)];
    let (task, as_of) = (TASK, made::end());
    let (output, deep) = (predictions(3, 199), predictions(0, 199));
    let (label_of_few, label_retracted) = (label(2), label(1));
    let pages = [
        ("/", "/".to_owned()),
        ("/ from the middle on", format!("/?after={middle}")),
        ("/ since the page was made", format!("/recent/newer?newest={}", last.0 - 5)),
        ("/ row of a run", format!("/recent/row/{run}")),
        ("/ of a component", format!("/?component={predict}")),
        ("/ that failed", "/?status=failed".to_owned()),
        ("/ that run now", "/?status=running".to_owned()),
        ("/ by a tag", "/?tag=critical".to_owned()),
        ("/ by a tag that nobody has", "/?tag=nobodys".to_owned()),
        ("/ of days long ago", format!("/?since={early}&until={late}")),
        ("/ of days long ago, that failed", format!("/?since={early}&until={late}&status=failed")),
        ("/ of days long ago, that run now", format!("/?since={early}&until={late}&status=running")),
        ("/ of a component, long ago", format!("/?component={predict}&since={early}&until={late}")),
        ("/components", "/components".to_owned()),
        ("/components, deep in the list", format!("/components?after={recorded_near}")),
        ("/components by a tag", "/components?tag=critical".to_owned()),
        ("/components by an owner", "/components?owner=team-03@example.org".to_owned()),
        ("/components by an owner that nobody has", "/components?owner=nobody".to_owned()),
        ("/components/NAME", format!("/components/{predict}")),
        ("/components/NAME that failed", format!("/components/{predict}?status=failed")),
        ("/components/NAME of a day", format!("/components/{predict}?since={early}&until={early}")),
        ("/components/NAME of a partition", format!("/components/{predict}?partition={early}")),
        ("/components/NAME, the most runs", format!("/components/{BEAT}")),
        ("/components/NAME, the most runs, that failed", format!("/components/{BEAT}?status=failed")),
        ("/components/NAME, the most runs, of a day", format!("/components/{BEAT}?since={early}&until={early}")),
        ("/runs/ID", format!("/runs/{run}")),
        ("/runs/ID, the run with the most files", format!("/runs/{split}")),
        ("/runs/ID of a prediction", format!("/runs/{inferred}")),
        ("/runs/ID/brief", format!("/runs/{run}/brief")),
        ("/runs/ID/brief, the most files", format!("/runs/{split}/brief")),
        ("/trace/NAME", format!("/trace/{output}")),
        ("/trace/NAME, one hop", format!("/trace/{output}?depth=1")),
        ("/trace/NAME, 200 days deep", format!("/trace/{deep}")),
        ("/trace/NAME, 200 days deep, by component", format!("/trace/{deep}?collapse=1")),
        ("/impact/NAME of one", format!("/impact/lake/team-03/pipeline-0003/{early}.parquet")),
        ("/impact/NAME that all read", format!("/impact/{SHARED}")),
        ("/impact/NAME that all read, by component", format!("/impact/{SHARED}?collapse=1")),
        ("/impact/NAME of a model in use", "/impact/rides/tips.model".to_owned()),
        ("/trace/NAME in a version", format!("/trace/{}?version=stated:50", made::model(3))),
        ("/impact/NAME in a version", format!("/impact/{}?version=stated:50", made::model(3))),
        ("/impact/NAME that all read, in a version of a day", format!("/impact/{SHARED}?version=stated:150")),
        ("/impact/NAME that all read, in a version of one run", format!("/impact/{SHARED}?version={RARE}")),
        ("/impact/NAME that many read, in its one version", format!("/impact/{SETTINGS}?version=stated:0")),
        ("/impact/NAME that many wrote, in its one version", format!("/impact/{BEATEN}?version=stated:0")),
        ("/diff/A/B", format!("/diff/{before}/{run}")),
        ("/review", "/review".to_owned()),
        ("/review by coverage", "/review?by=coverage".to_owned()),
        ("/tasks", "/tasks".to_owned()),
        ("/tasks/NAME", format!("/tasks/{task}")),
        ("/tasks/NAME by the hour", format!("/tasks/{task}?by=hour")),
        ("/tasks/NAME, roc_auc", format!("/tasks/{task}?metric=roc_auc")),
        ("/tasks/NAME of three weeks", format!("/tasks/{task}?since={}&until={}", date(150), date(171))),
        ("/drift", format!("/drift?task={task}")),
        ("/retrain", format!("/retrain?task={task}&as_of={as_of}")),
        ("/labels", "/labels".to_owned()),
        ("/labels, deep in the list", format!("/labels?after={}", label(30))),
        ("/labels/NAME", format!("/labels/{label_of_few}")),
        ("/labels/NAME, retracted", format!("/labels/{label_retracted}")),
        ("/labels/NAME, on what all read", "/labels/public".to_owned()),
        ("/stale", "/stale".to_owned()),
        ("/stale, deep in the list", format!("/stale?after={recorded_near}")),
        ("/search for a name", "/search?text=pipeline-0003".to_owned()),
        ("/search for nothing there", "/search?text=nothing-there".to_owned()),
        ("/search for a commit", "/search?text=00000000000000000000000000000000abcdef".to_owned()),
        ("/help", "/help".to_owned()),
        ("/complete of a name", "/complete?text=history%20team-03".to_owned()),
        ("/complete of an output", "/complete?text=trace%20ride".to_owned()),
        ("/complete of a run", "/complete?text=inspect%201".to_owned()),
        ("GET /api/v1/components", "/api/v1/components?limit=50".to_owned()),
        ("GET /api/v1/labels", "/api/v1/labels?limit=50".to_owned()),
        ("GET /api/v1/tags", "/api/v1/tags?limit=50".to_owned()),
    ];
    Ok(pages.into_iter().map(|(name, path)| Page { name, path }).collect())
}

//! What changed between two runs.

use std::collections::{BTreeMap, HashMap};

use similar::TextDiff;

use super::parting;
use crate::error::Result;
use crate::model::{Changed, CodeDiff, CodeRecord, Diff, Entries, GitRecord, IoPointer, Pointers, RunRecord};
use crate::store::View;

/// What changed from one run to another.
pub(crate) fn diff(view: &View<'_>, before: RunRecord, after: RunRecord) -> Result<Diff> {
    let partings = parting::between(view, &before, &after)?;
    let inputs = |run: &RunRecord| run.inputs.iter().map(|input| input.pointer.clone()).collect::<Vec<_>>();
    Ok(Diff {
        before: before.id,
        after: after.id,
        inputs: pointers(inputs(&before), inputs(&after)),
        component: changed(before.component, after.component),
        partition: changed(before.partition, after.partition),
        status: changed(before.status, after.status),
        duration_ms: changed(before.duration_ms, after.duration_ms),
        commit: commits(before.git, after.git),
        code: code(before.code, after.code),
        params: entries(before.params, after.params),
        metrics: entries(before.metrics, after.metrics),
        outputs: pointers(before.outputs, after.outputs),
        partings,
    })
}

fn changed<T: PartialEq>(before: T, after: T) -> Option<Changed<T>> {
    (before != after).then_some(Changed { before, after })
}

fn commits(before: GitRecord, after: GitRecord) -> Option<Changed<GitRecord>> {
    let is_same = before.commit == after.commit && before.dirty == after.dirty;
    (!is_same).then_some(Changed { before, after })
}

fn code(before: CodeRecord, after: CodeRecord) -> CodeDiff {
    let both = before.snapshot.as_deref().zip(after.snapshot.as_deref());
    let unified = both.filter(|(before, after)| before != after).map(|(one, other)| {
        let diff = TextDiff::from_lines(one, other);
        diff.unified_diff().missing_newline_hint(false).header(&place(&before), &place(&after)).to_string()
    });
    CodeDiff { is_same: both.map(|(before, after)| before == after), unified, before, after }
}

fn place(code: &CodeRecord) -> String {
    let line = code.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}{line}", code.file.as_deref().unwrap_or("unknown"))
}

fn entries<T: PartialEq>(before: BTreeMap<String, T>, mut after: BTreeMap<String, T>) -> Entries<T> {
    let mut entries = Entries { added: BTreeMap::new(), removed: BTreeMap::new(), changed: BTreeMap::new(), same: 0 };
    for (name, before) in before {
        match after.remove(&name) {
            None => _ = entries.removed.insert(name, before),
            Some(after) if after == before => entries.same += 1,
            Some(after) => _ = entries.changed.insert(name, Changed { before, after }),
        }
    }
    entries.added = after;
    entries
}

/// Pairs pointers of one name: those of the same version first, the others in their order.
fn pointers(before: Vec<IoPointer>, after: Vec<IoPointer>) -> Pointers {
    let mut pointers = Pointers { added: Vec::new(), removed: Vec::new(), changed: Vec::new(), same: 0 };
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, pointer) in after.iter().enumerate() {
        by_name.entry(pointer.name.clone()).or_default().push(place);
    }
    let mut after: Vec<Option<IoPointer>> = after.into_iter().map(Some).collect();
    let mut unpaired = Vec::new();
    for pointer in before {
        let places = by_name.get_mut(&pointer.name);
        let is_same = |place: &usize| after[*place].as_ref().is_some_and(|after| after.version == pointer.version);
        match places.and_then(|places| places.iter().position(is_same).map(|at| places.remove(at))) {
            Some(place) => {
                after[place] = None;
                pointers.same += 1;
            }
            None => unpaired.push(pointer),
        }
    }
    for before in unpaired {
        let places = by_name.get_mut(&before.name).filter(|places| !places.is_empty());
        match places.and_then(|places| after[places.remove(0)].take()) {
            Some(after) => pointers.changed.push(Changed { before, after }),
            None => pointers.removed.push(before),
        }
    }
    pointers.added = after.into_iter().flatten().collect();
    pointers
}

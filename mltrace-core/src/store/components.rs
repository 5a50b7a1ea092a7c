//! Components, and where to look for those of which something is said.

use std::collections::BTreeSet;

use super::engine::Row;
use super::liveness::{self, LIVENESS};
use super::read::{at_most, limit, seek};
use super::records::text_list;
use super::rows::Coded;
use super::{ComponentId, View, Write};
use crate::clock::from_micros;
use crate::error::Result;
use crate::model::{Component, Definition, RunId};

/// What a text says of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Describes {
    /// What it does.
    Purpose,
    Owner,
    Tag,
}

/// Which components are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sought<'a> {
    All,
    /// Those of which this was ever said.
    Described(Describes, &'a str),
    /// Those in whose name this stands, in small letters, or in what was ever said of them.
    Containing(&'a str),
}

/// A part of a list of names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) names: Vec<String>,
    /// The last name that was looked at, where there may be more.
    pub(crate) looked_up_to: Option<String>,
}

impl View<'_> {
    /// The names of components that are sought and begin so, sorted, from the one after a name on. So many are looked at.
    /// Not each has run, and of those that were described so not each is now.
    pub(crate) fn components_sought(
        &self,
        sought: Sought<'_>,
        beginning: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Listed> {
        let (from, beyond) = seek(beginning, after);
        let name = |row: &dyn Row| Ok(row.text(0)?.to_owned());
        let mut names = match sought {
            Sought::All | Sought::Containing(_) => self.all(
                &format!("SELECT name FROM component WHERE name {beyond} ?1 ORDER BY name LIMIT ?2"),
                &[from.into(), limit(most)],
                name,
            )?,
            Sought::Described(kind, text) => self.all(
                &format!(
                    "SELECT component FROM described WHERE kind = ?3 AND text = ?4 AND component {beyond} ?1
                     ORDER BY component LIMIT ?2"
                ),
                &[from.into(), limit(most), kind.code().into(), text.into()],
                name,
            )?,
        };
        let is_cut = names.len() == most;
        names.truncate(names.partition_point(|name| name.starts_with(beginning)));
        let looked_up_to = names.last().filter(|_| is_cut && names.len() == most).cloned();
        if let Sought::Containing(text) = sought
            && let [first, .., last] | [first @ last] = names.as_slice()
        {
            let described = self.described_with(text, first, last)?;
            names.retain(|name| name.to_lowercase().contains(text) || described.contains(name));
        }
        Ok(Listed { names, looked_up_to })
    }

    /// The components from one name to another in what was ever said of which a text stands, in small letters.
    fn described_with(&self, text: &str, first: &str, last: &str) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let sql = "SELECT component, text FROM described WHERE component BETWEEN ?1 AND ?2";
        self.0.query(sql, &[first.into(), last.into()], &mut |row| {
            if row.text(1)?.to_lowercase().contains(text) {
                found.insert(row.text(0)?.to_owned());
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The key of a component that has run. One that was only declared upstream is none as yet.
    pub(crate) fn component_that_ran(&self, name: &str) -> Result<Option<ComponentId>> {
        self.one(
            "SELECT c.id FROM component c WHERE c.name = ?1 AND EXISTS (SELECT 1 FROM run r WHERE r.component = c.id)",
            &[name.into()],
            |row| row.integer(0).map(ComponentId),
        )
    }

    /// The names of the components that have run, sorted: all, or the first so many.
    pub(crate) fn component_names(&self, first: Option<usize>) -> Result<Vec<(ComponentId, String)>> {
        self.all(
            "SELECT c.id, c.name FROM component c WHERE EXISTS (SELECT 1 FROM run r WHERE r.component = c.id)
             ORDER BY c.name LIMIT ?1",
            &[at_most(first)],
            |row| Ok((ComponentId(row.integer(0)?), row.text(1)?.to_owned())),
        )
    }

    /// A component with its metadata, which is that of the run with the latest start that stated any; `None` where it has not
    /// run.
    pub(crate) fn component(&self, name: &str) -> Result<Option<Component>> {
        let found = self.one(&sql(), &[name.into()], component)?;
        found.map(|found| self.with_metadata(found)).transpose()
    }

    /// Adds what the last run did not state, and the tags by hand.
    fn with_metadata(&self, Described { id, mut component, states_metadata }: Described) -> Result<Component> {
        // Asked first, because where nobody stated metadata the search for it would walk every run.
        let stated = "SELECT 1 FROM definition WHERE component = ?1 AND states_metadata = 1 LIMIT 1";
        if !states_metadata && self.one(stated, &[id.into()], |row| row.integer(0))?.is_some() {
            self.one(
                "SELECT d.description, d.owner, d.tags, d.stale_after FROM run r JOIN definition d ON d.id = r.definition
                 WHERE r.component = ?1 AND d.states_metadata = 1
                 ORDER BY r.started_at DESC, r.uuid DESC LIMIT 1",
                &[id.into()],
                |row| state(&mut component, row, 0),
            )?;
        }
        component.tags.extend(self.all("SELECT tag FROM component_tag WHERE component = ?1", &[id.into()], |row| {
            row.text(0).map(ToOwned::to_owned)
        })?);
        component.tags.sort_unstable();
        component.tags.dedup();
        Ok(component)
    }

    /// The component of this key, if it was ever said to carry the tag.
    pub(crate) fn ever_tagged(&self, component: ComponentId, tag: &str) -> Result<Option<String>> {
        self.one(
            "SELECT c.name FROM component c JOIN described d ON d.component = c.name
             WHERE c.id = ?1 AND d.kind = ?2 AND d.text = ?3",
            &[component.into(), Describes::Tag.code().into(), tag.into()],
            |row| Ok(row.text(0)?.to_owned()),
        )
    }
}

/// What all definitions say, and people by hand, as rows of `described`.
const SAID: &str = "SELECT c.name, 0, d.description FROM definition d JOIN component c ON c.id = d.component
        WHERE d.description IS NOT NULL
    UNION SELECT c.name, 1, d.owner FROM definition d JOIN component c ON c.id = d.component WHERE d.owner IS NOT NULL
    UNION SELECT c.name, 2, t.value FROM definition d JOIN component c ON c.id = d.component,
        json_each(CASE WHEN json_valid(d.tags) THEN d.tags ELSE '[]' END) t WHERE t.type = 'text'
    UNION SELECT c.name, 2, t.tag FROM component_tag t JOIN component c ON c.id = t.component";

impl Write<'_> {
    /// Keeps what a definition says where it is looked for.
    pub(super) fn describe(&self, definition: &Definition) -> Result<()> {
        let Definition { component, description, owner, tags, .. } = definition;
        let once = [(Describes::Purpose, description), (Describes::Owner, owner)];
        let once = once.into_iter().filter_map(|(kind, text)| Some((kind, text.as_ref()?)));
        for (kind, text) in once.chain(tags.iter().map(|tag| (Describes::Tag, tag))) {
            self.execute(
                "INSERT INTO described (component, kind, text) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                &[component.into(), kind.code().into(), text.into()],
            )?;
        }
        Ok(())
    }

    /// Tags a component by hand.
    pub(crate) fn tag(&self, component: ComponentId, tag: &str) -> Result<()> {
        self.execute(
            "INSERT INTO component_tag (component, tag) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            &[component.into(), tag.into()],
        )?;
        self.execute(
            "INSERT INTO described (component, kind, text) SELECT name, ?2, ?3 FROM component WHERE id = ?1
             ON CONFLICT DO NOTHING",
            &[component.into(), Describes::Tag.code().into(), tag.into()],
        )
        .map(drop)
    }

    /// Forgets what no definition says any more, and gives how much that was.
    #[cfg(feature = "care")]
    pub(super) fn forget_descriptions(&self) -> Result<usize> {
        self.execute(&format!("DELETE FROM described WHERE (component, kind, text) NOT IN ({SAID})"), &[])
    }
}

/// A component that has run with its last run, and what that states of it.
fn sql() -> String {
    format!(
        "SELECT c.id, c.name, r.id, r.status, r.started_at,
                d.states_metadata, d.description, d.owner, d.tags, d.stale_after, {LIVENESS}
         FROM component c
         JOIN run r ON r.id = (
            SELECT l.id FROM run l WHERE l.component = c.id ORDER BY l.started_at DESC, l.uuid DESC LIMIT 1)
         JOIN definition d ON d.id = r.definition
         LEFT JOIN process w ON w.id = r.process
         WHERE c.name = ?1"
    )
}

/// A component as its last run has it.
struct Described {
    id: ComponentId,
    component: Component,
    states_metadata: bool,
}

/// A row of [`sql`].
fn component(row: &dyn Row) -> Result<Described> {
    let mut component = Component {
        name: row.text(1)?.to_owned(),
        description: None,
        owner: None,
        tags: Vec::new(),
        stale_after_s: None,
        last_run: Some(RunId(row.integer(2)?)),
        last_status: Some(liveness::status(row, 3, 10)?),
        last_started_at: Some(from_micros(row.integer(4)?)),
    };
    let states_metadata = row.integer(5)? == 1;
    if states_metadata {
        state(&mut component, row, 6)?;
    }
    Ok(Described { id: ComponentId(row.integer(0)?), component, states_metadata })
}

/// Takes metadata from the columns from one on.
fn state(component: &mut Component, row: &dyn Row, from: usize) -> Result<()> {
    component.description = row.optional_text(from)?.map(ToOwned::to_owned);
    component.owner = row.optional_text(from + 1)?.map(ToOwned::to_owned);
    component.tags = text_list(row.text(from + 2)?)?;
    component.stale_after_s = row.optional_integer(from + 3)?.map(i64::cast_unsigned);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn of_a_component_its_last_run_alone_is_sought() {
        let plan = Store::in_memory().unwrap().plan(&sql(), 1);
        assert!(plan.contains("SEARCH l USING INDEX run_by_start (component=?)"), "{plan}");
        // Of runs that started at once the last is chosen by its uuid.
        assert!(plan.contains("LAST TERM OF ORDER BY") && !plan.contains("SCAN"), "{plan}");
    }
}

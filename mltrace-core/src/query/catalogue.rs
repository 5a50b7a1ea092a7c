//! Questions for components and their tags.

use std::collections::BTreeMap;

use super::not_found;
use crate::error::{Error, Result};
use crate::limits;
use crate::model::{Component, Page};
use crate::store::{Describes, Listed, Sought, View};
use crate::tracer::Tracer;

impl Tracer {
    /// A component and its metadata.
    ///
    /// # Errors
    /// There is no such component, or the store cannot be read.
    pub fn component(&self, name: &str) -> Result<Component> {
        self.store().read(|view| view.component(name)?.ok_or_else(|| no_component(view, name)))
    }

    /// The components, by name.
    pub fn components(&self) -> Components<'_> {
        Components {
            tracer: self,
            tag: None,
            owner: None,
            beginning: String::new(),
            containing: None,
            after: None,
            limit: 100,
        }
    }

    /// At most so many partitions of a component's runs, those first that came last into the store, from the one before a
    /// partition on. The page's `next` is the last of them.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// for partition in ["2020-01", "2020-02", "2020-03"] {
    ///     let mut run = ComponentRun::new("cleaning");
    ///     run.start().partition(partition).end();
    ///     tracer.log_component_run(run)?;
    /// }
    /// let page = tracer.partitions("cleaning", None, 2)?;
    /// assert_eq!(page.items, ["2020-03", "2020-02"]);
    /// assert_eq!(tracer.partitions("cleaning", page.next.as_deref(), 2)?.items, ["2020-01"]);
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such component, or the store cannot be read.
    pub fn partitions(&self, component: &str, before: Option<&str>, limit: u32) -> Result<Page<String>> {
        self.store().read(|view| {
            let id = view.component_that_ran(component)?.ok_or_else(|| no_component(view, component))?;
            let before = match before {
                Some(partition) => match view.name_id(partition)? {
                    Some(before) => Some(before),
                    None => return Ok(Page { items: Vec::new(), next: None }),
                },
                None => None,
            };
            let limit = limit as usize;
            let mut found = view.partitions_before(id, before, limit + 1)?;
            let has_more = found.len() > limit;
            found.truncate(limit);
            let items = found.into_iter().map(|name| view.name_text(name)).collect::<Result<Vec<_>>>()?;
            let next = items.last().filter(|_| has_more).cloned();
            Ok(Page { items, next })
        })
    }

    /// All tags, each with the names of the components that carry it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn tags(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for component in self.components().get()? {
            for tag in component.tags {
                tags.entry(tag).or_default().push(component.name.clone());
            }
        }
        Ok(tags)
    }

    /// Tags a component by hand; such a tag stays whatever its code says later.
    ///
    /// # Errors
    /// There is no such component, a tag is empty or too long, or the store cannot be written.
    pub fn tag<T: AsRef<str>>(&self, component: &str, tags: impl IntoIterator<Item = T>) -> Result<()> {
        self.store().write(None, |tx| {
            let id = tx.component_that_ran(component)?.ok_or_else(|| no_component(tx, component))?;
            for tag in tags {
                limits::name("a tag", tag.as_ref())?;
                tx.tag(id, tag.as_ref())?;
            }
            Ok(())
        })
    }
}

/// A question for components.
///
/// ```
/// use mltrace_core::{ComponentRun, Tracer};
///
/// let tracer = Tracer::in_memory()?;
/// for (component, owner) in [("clean", "data team"), ("train", "science")] {
///     let mut run = ComponentRun::new(component);
///     run.owner(owner).start().end();
///     tracer.log_component_run(run)?;
/// }
/// let owned = tracer.components().owner("science").get()?;
/// assert_eq!(owned[0].name, "train");
/// # Ok::<(), mltrace_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `get` to ask"]
pub struct Components<'t> {
    tracer: &'t Tracer,
    tag: Option<String>,
    owner: Option<String>,
    beginning: String,
    containing: Option<String>,
    after: Option<String>,
    limit: u32,
}

/// A page looks at so many components at most, where it has to look for those it shows.
const LOOKED_AT: usize = if cfg!(test) { 3 } else { 5_000 };
/// Of which so many are read at a time.
const AT_ONCE: usize = if cfg!(test) { 2 } else { 250 };

impl Components<'_> {
    /// Those that carry this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Those of this owner.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Those whose names begin so.
    pub fn beginning(mut self, beginning: impl Into<String>) -> Self {
        self.beginning = beginning.into();
        self
    }

    /// Those in whose name, description, owner or tags this stands, in small letters or large.
    pub fn containing(mut self, text: &str) -> Self {
        self.containing = Some(text.to_lowercase());
        self
    }

    /// At most so many on a page; 100 unless told.
    pub fn limit(mut self, components: u32) -> Self {
        self.limit = components;
        self
    }

    /// Goes on where an earlier page ended, given its `next`.
    pub fn after(mut self, name: impl Into<String>) -> Self {
        self.after = Some(name.into());
        self
    }

    /// All of the components.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn get(self) -> Result<Vec<Component>> {
        self.tracer.store().read(|view| self.all(view))
    }

    pub(super) fn all(&self, view: &View<'_>) -> Result<Vec<Component>> {
        Ok(self.among(view, usize::MAX, usize::MAX)?.items)
    }

    /// A part of the components. One page looks at no more than 5,000 of them: it can hold fewer than its limit, or none,
    /// and have a `next`, the name of the last that it looked at.
    ///
    /// ```
    /// use mltrace_core::{ComponentRun, Tracer};
    ///
    /// let tracer = Tracer::in_memory()?;
    /// for component in ["clean", "infer", "train"] {
    ///     let mut run = ComponentRun::new(component);
    ///     run.tag("nightly").start().end();
    ///     tracer.log_component_run(run)?;
    /// }
    /// let page = tracer.components().tag("nightly").limit(2).page()?;
    /// assert_eq!(page.items[1].name, "infer");
    /// let rest = tracer.components().tag("nightly").after(page.next.unwrap()).page()?;
    /// assert_eq!(rest.items[0].name, "train");
    /// # Ok::<(), mltrace_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn page(self) -> Result<Page<Component>> {
        self.tracer.store().read(|view| self.among(view, self.limit as usize, LOOKED_AT))
    }

    fn among(&self, view: &View<'_>, limit: usize, looked_at: usize) -> Result<Page<Component>> {
        let sought = match (&self.tag, &self.owner, &self.containing) {
            (Some(tag), _, _) => Sought::Described(Describes::Tag, tag),
            (_, Some(owner), _) => Sought::Described(Describes::Owner, owner),
            (_, _, Some(text)) => Sought::Containing(text),
            _ => Sought::All,
        };
        let mut left = looked_at;
        let mut items: Vec<Component> = Vec::new();
        let mut last = self.after.clone();
        loop {
            let part = left.min(AT_ONCE);
            left -= part;
            let Listed { names, looked_up_to } =
                view.components_sought(sought, &self.beginning, last.as_deref(), part)?;
            for name in names {
                let Some(component) = view.component(&name)?.filter(|found| self.is_wanted(found)) else { continue };
                if items.len() == limit {
                    let next = items.last().map(|component| component.name.clone());
                    return Ok(Page { items, next });
                }
                items.push(component);
            }
            if looked_up_to.is_none() || left == 0 {
                return Ok(Page { items, next: looked_up_to });
            }
            last = looked_up_to;
        }
    }

    fn is_wanted(&self, component: &Component) -> bool {
        self.tag.as_ref().is_none_or(|tag| component.tags.contains(tag))
            && (self.owner.is_none() || component.owner == self.owner)
            && self.containing.as_ref().is_none_or(|text| {
                let texts = [Some(&component.name), component.description.as_ref(), component.owner.as_ref()];
                texts.into_iter().flatten().chain(&component.tags).any(|held| held.to_lowercase().contains(text))
            })
    }
}

pub(super) fn no_component(view: &View<'_>, name: &str) -> Error {
    let known: Vec<_> = view.component_names(Some(10)).unwrap_or_default().into_iter().map(|(_, name)| name).collect();
    let hint =
        if known.is_empty() { "the store is empty".to_owned() } else { format!("there are {}", known.join(", ")) };
    not_found(format!("there is no component `{name}`: {hint}"))
}

#[cfg(all(test, feature = "care"))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::from_micros;
    use crate::component_run::ComponentRun;
    use crate::testing::run;

    /// What a run says of its component: each of what is asked for is said by some, by name, purpose, owner or tag.
    fn said() -> impl Strategy<Value = (usize, i64, [Option<&'static str>; 3], bool)> {
        let text = || prop::option::of(prop::sample::select(vec!["Über", "rides", "a/b"]));
        (0_usize..4, 0_i64..5, [text(), text(), text()], any::<bool>())
    }

    #[test]
    fn of_components_that_are_only_declared_none_is_offered_for_a_wrong_name() {
        let tracer = Tracer::in_memory().unwrap();
        let mut entry = run("train", 0, 1);
        entry.upstream.extend((0..10).map(|number| format!("a{number}")));
        tracer.store().put(&entry).unwrap();
        let error = tracer.component("trian").unwrap_err();
        assert!(error.to_string().contains("there are train"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn components_are_found_by_what_is_said_of_them_now_whatever_was_said_before(
            runs in prop::collection::vec(said(), 1..12),
            by_hand in prop::option::of(0_usize..4),
            [tag, owner] in [prop::option::of(Just("rides")), prop::option::of(Just("a/b"))],
            containing in prop::option::of(prop::sample::select(vec!["über", "RIDES", "a/b", "b"])),
            beginning in prop::sample::select(vec!["", "a/"]),
            limit in 1_u32..4,
        ) {
            const NAMES: [&str; 4] = ["a/rides", "a/b", "b", "Überall"];
            let tracer = Tracer::in_memory().unwrap();
            for (component, second, [description, owner, tag], is_forgotten) in runs {
                let at = from_micros(second * 1_000_000);
                let mut run = ComponentRun::new(NAMES[component]);
                run.started_at(at).ended_at(at);
                if let Some(text) = description {
                    run.description(text);
                }
                if let Some(text) = owner {
                    run.owner(text);
                }
                if let Some(text) = tag {
                    run.tag(text);
                }
                let id = tracer.log_component_run(run).unwrap();
                if is_forgotten {
                    tracer.store().write(None, |tx| tx.remove(&[id])).unwrap();
                    tracer.store().sweep(&|_| true).unwrap();
                }
            }
            if let Some(component) = by_hand {
                let _ = tracer.tag(NAMES[component], ["rides"]);
            }
            let mut expected: Vec<_> = NAMES.iter().filter_map(|name| tracer.component(name).ok()).collect();
            let small = containing.map(str::to_lowercase);
            expected.retain(|found| {
                let texts = [Some(&found.name), found.description.as_ref(), found.owner.as_ref()];
                let mut texts = texts.into_iter().flatten().chain(&found.tags);
                found.name.starts_with(beginning)
                    && tag.is_none_or(|tag| found.tags.iter().any(|held| held == tag))
                    && owner.is_none_or(|owner| found.owner.as_deref() == Some(owner))
                    && small.as_ref().is_none_or(|small| texts.any(|held| held.to_lowercase().contains(small)))
            });
            expected.sort_by(|a, b| a.name.cmp(&b.name));
            let mut question = tracer.components().beginning(beginning).limit(limit);
            if let Some(tag) = tag {
                question = question.tag(tag);
            }
            if let Some(owner) = owner {
                question = question.owner(owner);
            }
            if let Some(text) = containing {
                question = question.containing(text);
            }
            let mut found = Vec::new();
            let mut page = question.clone().page().unwrap();
            loop {
                prop_assert!(page.items.len() <= limit as usize);
                found.append(&mut page.items);
                let Some(next) = page.next else { break };
                page = question.clone().after(next).page().unwrap();
            }
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(question.get().unwrap(), expected);
        }
    }
}

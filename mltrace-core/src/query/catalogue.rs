//! Questions for components and their tags.

use std::collections::BTreeMap;

use super::not_found;
use crate::error::{Error, Result};
use crate::limits;
use crate::model::Component;
use crate::store::View;
use crate::tracer::Tracer;

impl Tracer {
    /// A component and its metadata.
    ///
    /// # Errors
    /// There is no such component, or the store cannot be read.
    pub fn component(&self, name: &str) -> Result<Component> {
        self.store().read(|view| {
            let id = view.component_that_ran(name)?.ok_or_else(|| no_component(view, name))?;
            view.component(id, name.to_owned())
        })
    }

    /// The components, by name.
    pub fn components(&self) -> Components<'_> {
        Components { tracer: self, tag: None, owner: None }
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
}

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

    /// The components.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn get(self) -> Result<Vec<Component>> {
        let all: Vec<Component> = self
            .tracer
            .store()
            .read(|view| view.component_names()?.into_iter().map(|(id, name)| view.component(id, name)).collect())?;
        let is_wanted = |component: &Component| {
            self.tag.as_ref().is_none_or(|tag| component.tags.contains(tag))
                && (self.owner.is_none() || component.owner == self.owner)
        };
        Ok(all.into_iter().filter(is_wanted).collect())
    }
}

pub(super) fn no_component(view: &View<'_>, name: &str) -> Error {
    let known: Vec<_> =
        view.component_names().unwrap_or_default().into_iter().map(|(_, known)| known).take(10).collect();
    let hint =
        if known.is_empty() { "the store is empty".to_owned() } else { format!("there are {}", known.join(", ")) };
    not_found(format!("there is no component `{name}`: {hint}"))
}

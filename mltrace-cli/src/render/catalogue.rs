//! Components and tags.

use mltrace_core::Component;

use super::table::{Cell, Column, Fit, table};
use super::text::{DIM, STRONG, one_line, paint, style_of};
use super::time::age;
use super::wrap::wrap;
use crate::command::TagUse;
use crate::session::Screen;

pub(crate) fn components(components: &[Component], screen: Screen) -> String {
    const COLUMNS: [Column; 7] = [
        Column { title: "component", fit: Fit::CutEnd },
        Column { title: "owner", fit: Fit::CutEnd },
        Column { title: "tags", fit: Fit::CutEnd },
        Column { title: "last run", fit: Fit::Left },
        Column { title: "status", fit: Fit::Left },
        Column { title: "age", fit: Fit::Left },
        Column { title: "description", fit: Fit::Spare },
    ];
    if components.is_empty() {
        return "no components match\n".to_owned();
    }
    let rows: Vec<_> = components
        .iter()
        .map(|component| {
            let status =
                component.last_status.map_or(Cell::new(""), |status| Cell::styled(style_of(status), status.as_str()));
            [
                Cell::styled(STRONG, one_line(&component.name)),
                Cell::new(component.owner.as_deref().map(one_line).unwrap_or_default()),
                Cell::new(one_line(&component.tags.join(", "))),
                Cell::styled(DIM, component.last_run.map(|id| format!("#{id}")).unwrap_or_default()),
                status,
                Cell::new(component.last_started_at.map(|time| age(time, screen.now)).unwrap_or_default()),
                Cell::new(component.description.as_deref().map(one_line).unwrap_or_default()),
            ]
        })
        .collect();
    table(COLUMNS, &rows, screen.width)
}

pub(crate) fn tags(tags: &[TagUse], screen: Screen) -> String {
    const COLUMNS: [Column; 2] =
        [Column { title: "tag", fit: Fit::CutEnd }, Column { title: "components", fit: Fit::CutEnd }];
    if tags.is_empty() {
        return "no tags yet: mltrace tag COMPONENT TAG\n".to_owned();
    }
    let row =
        |tag: &TagUse| [Cell::styled(STRONG, one_line(&tag.tag)), Cell::new(one_line(&tag.components.join(", ")))];
    table(COLUMNS, &tags.iter().map(row).collect::<Vec<_>>(), screen.width)
}

/// The news after tagging.
pub(crate) fn tagged(component: &Component) -> String {
    format!("{} is tagged {}\n", one_line(&component.name), one_line(&component.tags.join(", ")))
}

/// The head of a component's history.
pub(crate) fn component(component: &Component, screen: Screen) -> String {
    const INDENT: &str = "  ";
    let facts = [
        component.description.as_deref().map(one_line),
        component.owner.as_ref().map(|owner| format!("owner {}", one_line(owner))),
        (!component.tags.is_empty()).then(|| format!("tags {}", one_line(&component.tags.join(", ")))),
    ];
    let lines = facts.into_iter().flatten().flat_map(|fact| wrap(&fact, screen.width.saturating_sub(INDENT.len())));
    let facts: String = lines.map(|line| [INDENT, &paint(DIM, line), "\n"].concat()).collect();
    format!("{}\n{facts}", paint(STRONG, one_line(&component.name)))
}

//! Reasons as sentences, with their evidence.

use std::collections::HashMap;

use super::{Fresher, Judge, Reason, SECOND};
use crate::error::Result;
use crate::model::{RunId, Stale, StaleKind, StaleLink};
use crate::store::NameId;

impl Judge<'_> {
    /// A reason of the judged run itself.
    pub(super) fn told(&mut self, reason: &Reason) -> Result<Stale> {
        let run = reason.points_at();
        let message = format!("it {}", self.sentence(reason)?);
        Ok(Stale { kind: reason.kind(), message, component: self.component(run)?, run, chain: Vec::new() })
    }

    /// The reason that a run directly upstream is stale, and the way from it to the cause.
    pub(super) fn told_by(
        &mut self,
        upstream: RunId,
        chain: &[RunId],
        own: &HashMap<RunId, Vec<Reason>>,
    ) -> Result<Stale> {
        let mut links = Vec::with_capacity(chain.len());
        for &run in chain {
            let kind = cause(run, own).map_or(StaleKind::StaleUpstream, Reason::kind);
            links.push(StaleLink { run, component: self.component(run)?, kind });
        }
        let cause = chain.last().and_then(|&last| cause(last, own));
        let cause = cause.map(|reason| self.sentence(reason)).transpose()?.unwrap_or_default();
        let name = self.name(upstream)?;
        let message = match links.get(1..).unwrap_or_default() {
            [] => format!("{name} is stale: it {cause}"),
            further => format!("{name} is stale through {}, which {cause}", through(further)),
        };
        let component = self.component(upstream)?;
        Ok(Stale { kind: StaleKind::StaleUpstream, message, component, run: upstream, chain: links })
    }

    /// What a run did or is, without the run.
    fn sentence(&mut self, reason: &Reason) -> Result<String> {
        match reason {
            Reason::OldInput { writer, names, age, limit } => {
                let (age, limit, writer) = (beyond(*age, *limit), span(*limit), self.name(*writer)?);
                Ok(match self.names(names)? {
                    Some(names) => format!("started {age} after {writer} had written {names}; the limit is {limit}"),
                    None => format!(
                        "started {age} after {writer} had ended, which it declares upstream; the limit is {limit}"
                    ),
                })
            }
            Reason::OldRun { age, limit, .. } => {
                Ok(format!("is {} old; the `stale_after` of its component is {}", beyond(*age, *limit), span(*limit)))
            }
            Reason::Fresher(fresher) => self.fresher_sentence(fresher),
        }
    }

    fn fresher_sentence(&mut self, fresher: &Fresher) -> Result<String> {
        let (newer, than) = (self.standing(fresher.newer)?, self.standing(fresher.than)?);
        let later = span(newer.when.ended_at.saturating_sub(than.when.ended_at));
        let (newer, than) = (self.name(fresher.newer)?, self.name(fresher.than)?);
        let news = match self.names(&fresher.names)? {
            None => format!("declares {than} upstream; {newer} is newer by {later}"),
            Some(names) if fresher.is_rewrite => {
                format!("read {names} from {than}; {newer} has written over it, {later} later")
            }
            Some(names) => format!("read {names} from {than}; {newer} is newer by {later}"),
        };
        Ok(news + &self.advice(fresher)?)
    }

    /// The newer run may be no newer one but another batch, where nothing tells them apart.
    fn advice(&mut self, Fresher { newer, than, .. }: &Fresher) -> Result<String> {
        let has_partition = self.standing(*newer)?.partition.is_some();
        if has_partition || self.view.names_read(*newer)? == self.view.names_read(*than)? {
            return Ok(String::new());
        }
        let advice = "if that is another batch, tell them apart by `partition`";
        Ok(format!(". #{newer} read other inputs than #{than}: {advice}"))
    }

    fn name(&mut self, run: RunId) -> Result<String> {
        Ok(format!("#{run} {}", self.component(run)?))
    }

    fn component(&mut self, run: RunId) -> Result<String> {
        let component = self.standing(run)?.component;
        self.view.component_text(component)
    }

    /// The names that were read; `None` where there is only a declaration.
    fn names(&self, names: &[Option<NameId>]) -> Result<Option<String>> {
        let read: Vec<NameId> = names.iter().copied().flatten().collect();
        let Some((&first, rest)) = read.split_first() else { return Ok(None) };
        let first = self.view.name_text(first)?;
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        Ok(Some(format!("`{first}`{more}")))
    }
}

/// The first reason for which a run is stale by itself.
fn cause(run: RunId, own: &HashMap<RunId, Vec<Reason>>) -> Option<&Reason> {
    own.get(&run)?.first()
}

/// The runs on the way to the cause, and the cause.
fn through(links: &[StaleLink]) -> String {
    let name = |link: &StaleLink| format!("#{} {}", link.run, link.component);
    match links {
        [] => String::new(),
        [cause] => name(cause),
        [one, cause] => format!("{} and {}", name(one), name(cause)),
        [one, between @ .., cause] => format!("{}, {} more and {}", name(one), between.len(), name(cause)),
    }
}

/// An age that is over its limit.
fn beyond(age: i64, limit: i64) -> String {
    let (age, limit) = (span(age), span(limit));
    if age == limit { format!("just over {age}") } else { age }
}

/// A length of time in the largest unit that leaves a telling number.
fn span(micros: i64) -> String {
    let seconds = micros / SECOND;
    match seconds {
        ..1 => "less than a second".to_owned(),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

//! Which rows are shown, and in which order: what an address says.

use super::{Row, SloState};
use slo_core::{Error, plain};
use std::{cmp::Ordering, collections::BTreeMap};

/// A search, filters and an order for rows.
///
/// It is made from the query of an address, and writes it back, so that a link shows what its sender sees.
///
/// ```
/// use slo_ops::watch::{Filter, Sort};
///
/// let filter = Filter::of([("q", "pay"), ("sort", "left"), ("label", "tier:1"), ("other", "x")])?;
/// assert_eq!((filter.text.as_str(), filter.sort), ("pay", Sort::Left));
/// let back: Vec<String> = filter.pairs().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
/// assert_eq!(back, ["q=pay", "label=tier:1", "sort=left"]);
/// assert!(Filter::of([("state", "fine")]).is_err());
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Words that the name, the description or a label must contain, in any case.
    pub text: String,
    /// Only this service.
    pub service: String,
    /// Only this team.
    pub team: String,
    /// Only rows with this label, as `name:value`.
    pub label: String,
    /// Only this state.
    pub state: Option<SloState>,
    /// The order.
    pub sort: Sort,
    /// Whether the order is reversed.
    pub is_reversed: bool,
}

/// An order of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sort {
    /// What needs somebody first.
    #[default]
    Urgency,
    /// By service and name.
    Name,
    /// The lowest share of good events first.
    Sli,
    /// The highest burn rate first.
    Burn,
    /// The least budget first.
    Left,
    /// The shortest time until the budget is gone first.
    Lasts,
}

impl Sort {
    const ALL: [Self; 6] = [Self::Urgency, Self::Name, Self::Sli, Self::Burn, Self::Left, Self::Lasts];

    /// Its name in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Urgency => "urgency",
            Self::Name => "name",
            Self::Sli => "sli",
            Self::Burn => "burn",
            Self::Left => "left",
            Self::Lasts => "lasts",
        }
    }

    /// Rows without the value are last, also in the reversed order.
    fn compare(self, one: &Row, other: &Row, is_reversed: bool) -> Ordering {
        let turned = |order: Ordering| if is_reversed { order.reverse() } else { order };
        let ascending = |value: fn(&Row) -> Option<f64>| match (value(one), value(other)) {
            (Some(one), Some(other)) => turned(one.total_cmp(&other)),
            (one, other) => other.is_some().cmp(&one.is_some()),
        };
        let order = match self {
            Self::Urgency => return turned(one.by_urgency(other)),
            Self::Name => turned(one.name().cmp(&other.name())),
            Self::Sli => ascending(|row| row.status.sli),
            Self::Burn => ascending(|row| row.burn_rate().map(|rate| -rate)),
            Self::Left => ascending(|row| row.status.budget_projected),
            Self::Lasts => ascending(Row::lasts),
        };
        order.then_with(|| one.by_urgency(other))
    }
}

impl Filter {
    /// A filter from the query of an address. Parameters that it does not know are ignored.
    ///
    /// # Errors
    /// A state or an order that does not exist, or a label that is not `name:value`.
    pub fn of<'a>(query: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Error> {
        let mut filter = Self::default();
        for (name, value) in query {
            let value = value.trim();
            match name {
                "q" => value.clone_into(&mut filter.text),
                "service" => value.clone_into(&mut filter.service),
                "team" => value.clone_into(&mut filter.team),
                "label" if !value.is_empty() && !value.contains(':') => {
                    return Err(Error::new(format!("`label={}` is not a label", plain(value)))
                        .with_hint("write label=name:value"));
                }
                "label" => value.clone_into(&mut filter.label),
                _ if value.is_empty() => {}
                "state" => {
                    let names = SloState::ALL.map(SloState::name);
                    let found = SloState::ALL.into_iter().find(|state| state.name() == value);
                    filter.state = Some(found.ok_or_else(|| unknown(name, value, &names))?);
                }
                "sort" => {
                    let names = Sort::ALL.map(Sort::name);
                    let found = Sort::ALL.into_iter().find(|sort| sort.name() == value);
                    filter.sort = found.ok_or_else(|| unknown(name, value, &names))?;
                }
                "order" if value == "reversed" => filter.is_reversed = true,
                "order" => return Err(unknown(name, value, &["reversed"])),
                _ => {}
            }
        }
        Ok(filter)
    }

    /// The query of its address, without what is the default.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let texts =
            [("q", &self.text), ("service", &self.service), ("team", &self.team), ("label", &self.label)];
        let mut pairs: Vec<(&'static str, String)> = texts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name, text.clone()))
            .collect();
        pairs.extend(self.state.map(|state| ("state", state.name().to_owned())));
        if self.sort != Sort::default() {
            pairs.push(("sort", self.sort.name().to_owned()));
        }
        if self.is_reversed {
            pairs.push(("order", "reversed".to_owned()));
        }
        pairs
    }

    /// The rows that it shows, in its order.
    #[must_use]
    pub fn apply<'a>(&self, rows: &'a [Row]) -> Vec<&'a Row> {
        let words: Vec<String> = self.text.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let mut shown: Vec<&Row> = rows.iter().filter(|row| self.shows(row, &words)).collect();
        shown.sort_by(|one, other| self.sort.compare(one, other, self.is_reversed));
        shown
    }

    fn shows(&self, row: &Row, words: &[String]) -> bool {
        let has = |labels: &BTreeMap<String, String>| {
            self.label
                .split_once(':')
                .is_some_and(|(name, value)| labels.get(name).is_some_and(|one| one == value))
        };
        (self.service.is_empty() || row.service.name().as_str() == self.service)
            && (self.team.is_empty() || row.team() == Some(self.team.as_str()))
            && (self.label.is_empty() || has(&row.labels))
            && self.state.is_none_or(|state| state == row.state)
            && (words.is_empty() || contains_all(row, words))
    }
}

fn unknown(name: &str, value: &str, names: &[&str]) -> Error {
    Error::new(format!("`{name}={}` does not exist", plain(value)))
        .with_hint(format!("choose one of: {}", names.join(", ")))
}

fn contains_all(row: &Row, words: &[String]) -> bool {
    let mut text = format!("{} {}", row.name(), row.slo().description());
    for (label, value) in &row.labels {
        for part in [" ", label, ":", value] {
            text.push_str(part);
        }
    }
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use slo_core::{model::Slo, rules::Recorded};
    use std::sync::Arc;

    fn rows() -> Vec<Row> {
        let text = "{version: slo/v1, service: shop, labels: {team: pay}, slos: [
            {name: a, objective: 99%, window: 30d, labels: {tier: '1'}, sli: {events: {total: t, bad: b}}},
            {name: b, objective: 99%, window: 30d, description: Carts load., sli: {events: {total: t, bad: b}}},
            {name: c, objective: 99%, window: 30d, sli: {events: {total: t, bad: b}}}]}";
        let service = slo_core::spec::parse(text).unwrap().remove(0);
        let labels = |slo: &str, metric: &str| {
            [("__name__", metric), ("service", "shop"), ("slo", slo)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        };
        let left = "slo:error_budget:projected_remaining_ratio";
        let (a, b) = (labels("a", left), labels("b", left));
        let seen = ["a", "b"].map(|slo| labels(slo, "slo:sli_coverage:ratio30d"));
        let series = [(&a, 0.5), (&b, -0.25), (&seen[0], 1.0), (&seen[1], 1.0)];
        let recorded = Recorded::of(&service, series, []);
        let service = Arc::new(service);
        let row = |slo: &Slo| Row::of(&service, slo, recorded.statuses(slo)).unwrap();
        service.slos().iter().map(row).collect()
    }

    fn shown(query: &[(&str, &str)]) -> Vec<String> {
        let rows = rows();
        Filter::of(query.iter().copied()).unwrap().apply(&rows).iter().map(|row| row.name()).collect()
    }

    #[test]
    fn what_is_urgent_comes_first() {
        assert_eq!(shown(&[]), ["shop/b", "shop/c", "shop/a"]);
        assert_eq!(shown(&[("order", "reversed")]), ["shop/a", "shop/c", "shop/b"]);
        assert_eq!(shown(&[("sort", "left")]), ["shop/b", "shop/a", "shop/c"]);
        assert_eq!(shown(&[("sort", "left"), ("order", "reversed")]), ["shop/a", "shop/b", "shop/c"]);
        assert_eq!(shown(&[("sort", "name")]), ["shop/a", "shop/b", "shop/c"]);
    }

    #[test]
    fn filters_are_joined() {
        assert_eq!(shown(&[("q", "CART load")]), ["shop/b"]);
        assert_eq!(shown(&[("q", "tier:1"), ("team", "pay")]), ["shop/a"]);
        assert_eq!(shown(&[("label", "tier:1")]), ["shop/a"]);
        assert_eq!(shown(&[("label", "tier:2")]), [""; 0]);
        assert_eq!(shown(&[("state", "no-rules")]), ["shop/c"]);
        assert_eq!(shown(&[("state", "")]).len(), 3);
        assert_eq!(shown(&[("service", "other")]), [""; 0]);
    }
}

//! Attributes that bad requests have and good ones do not, such as a version, a zone or a pod.

use super::{Traces, requests::Request};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An attribute that bad requests have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Suspect {
    /// The service whose spans have it.
    pub service: String,
    /// Its name, such as `service.version`.
    pub attribute: String,
    /// Its value.
    pub value: String,
    /// The bad requests that have it.
    pub bad: u64,
    /// All requests that have it.
    pub requests: u64,
    /// Ochiai's coefficient, from 0 to 1: 1 if exactly the bad requests have it.
    pub ochiai: f64,
}

/// An attribute with more values than this is an id.
const MOST_VALUES: usize = 100;
/// The fewest bad requests that tell something.
const LEAST_BAD: u64 = 3;

impl Traces<'_> {
    /// The attributes that bad requests have, the most suspicious first: requests that failed, or that take longer than `threshold`
    /// nanoseconds.
    ///
    /// Ochiai's coefficient is bad / √(all bad · all with the attribute) (A. Ochiai, 1957; R. Abreu and others, 2007). Attributes that all
    /// requests with the service have, or that have more than 100 values, are left out, and so are those whose requests are not worse than
    /// the others.
    #[must_use]
    pub fn suspects(&self, threshold: u64) -> Vec<Suspect> {
        let is_bad = |request: &Request<'_>| request.failed() || request.duration() > threshold;
        let all_bad = self.requests.iter().filter(|request| is_bad(request)).count() as u64;
        let mut counts: HashMap<Attribute<'_>, [u64; 2]> = HashMap::new();
        let mut values: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        let mut of_service: BTreeMap<&str, u64> = BTreeMap::new();
        for request in &self.requests {
            let bad = u64::from(is_bad(request));
            let services: BTreeSet<&str> =
                request.spans.iter().map(|span| span.operation.service.as_str()).collect();
            for service in services {
                *of_service.entry(service).or_default() += 1;
            }
            let there: BTreeSet<Attribute<'_>> = request
                .spans
                .iter()
                .flat_map(|span| {
                    span.attributes
                        .iter()
                        .map(|(name, value)| (span.operation.service.as_str(), name.as_str(), value.as_str()))
                })
                .collect();
            for (service, name, value) in there {
                let known = values.entry((service, name)).or_default();
                if known.len() <= MOST_VALUES {
                    known.insert(value);
                }
                if known.len() <= MOST_VALUES {
                    let [of_bad, of_all] = counts.entry((service, name, value)).or_default();
                    (*of_bad, *of_all) = (*of_bad + bad, *of_all + 1);
                }
            }
        }
        let requests = self.requests.len() as u64;
        let mut found = Vec::new();
        for ((service, name, value), [bad, with]) in counts {
            let is_id = values.get(&(service, name)).is_none_or(|values| values.len() > MOST_VALUES);
            let is_everywhere = of_service.get(service) == Some(&with);
            // bad / with > all_bad / requests, in whole numbers.
            let is_worse = u128::from(bad) * u128::from(requests) > u128::from(all_bad) * u128::from(with);
            if is_id || is_everywhere || !is_worse || bad < LEAST_BAD {
                continue;
            }
            let ochiai = bad as f64 / (all_bad as f64 * with as f64).sqrt();
            found.push(Suspect {
                service: service.to_owned(),
                attribute: name.to_owned(),
                value: value.to_owned(),
                bad,
                requests: with,
                ochiai,
            });
        }
        found.sort_by(|a, b| {
            let key = |one: &Suspect| (one.service.clone(), one.attribute.clone(), one.value.clone());
            b.ochiai.total_cmp(&a.ochiai).then_with(|| key(a).cmp(&key(b)))
        });
        found
    }
}

/// A service, and an attribute of its spans with its value.
type Attribute<'a> = (&'a str, &'a str, &'a str);

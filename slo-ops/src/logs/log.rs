//! Logs: the templates of their lines, and when there were how many lines of each.

use super::{
    bins::Bins,
    mask::mask,
    record::{Level, Record},
    template::{Template, TemplateId, beginning},
    templates::{Forgotten, Limits, Templates},
};
use crate::time;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use slo_core::{
    Error,
    model::{Timestamp, Window},
};
use std::collections::{BTreeMap, HashMap};

/// How [`Logs`] are counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers set what they need, the rest by `..LogOptions::default()`"
)]
pub struct LogOptions {
    /// The limits of templates.
    pub limits: Limits,
    /// Whether numbers, addresses, ids, paths and times are replaced by words first; see [`mask`].
    pub masks: bool,
    /// The width of a bin of time.
    #[serde(with = "time::window_millis")]
    pub bin: Window,
    /// A time at which a bin begins, such as that of an incident.
    #[serde(with = "time::millis")]
    pub origin: Timestamp,
}

impl LogOptions {
    /// Options for a window: bins begin where it begins, and are as long as 1/n of it, at most a minute.
    ///
    /// ```
    /// use slo_core::model::{Timestamp, Window};
    /// use slo_ops::logs::LogOptions;
    ///
    /// let at = Timestamp::from_seconds;
    /// assert_eq!(LogOptions::for_window(at(30), at(105), Window::minutes(1)).bin, "37s500ms".parse()?);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn for_window(from: Timestamp, to: Timestamp, widest: Window) -> Self {
        let length = to.millis_since(from);
        let fewest = length.div_ceil(widest.as_millis()).max(1);
        let width = (fewest..=length).find(|count| length.is_multiple_of(*count)).map(|count| length / count);
        let bin = width.and_then(|width| Window::from_millis(width).ok()).unwrap_or(widest);
        Self { bin, origin: from, ..Self::default() }
    }
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            masks: true,
            bin: Window::minutes(1),
            origin: Timestamp::from_millis(0),
        }
    }
}

/// The templates of logs, and the number of lines of each in each bin of time.
///
/// Lines of errors, of warnings and others are never of one template.
///
/// Memory is bounded: by the limits of templates, and by four million bins; before there are more, bins of double width are
/// made of all of them.
///
/// ```
/// use slo_core::model::Timestamp;
/// use slo_ops::logs::{LogOptions, Logs, Record};
///
/// let mut logs = Logs::new(LogOptions::default())?;
/// for minute in 0..3 {
///     let time = Some(Timestamp::from_seconds(60 * minute));
///     logs.add(&Record { time, level: None, message: "order 17 took 5ms".into() });
/// }
/// let (template, _) = logs.templates().next().unwrap();
/// assert_eq!((template.to_string().as_str(), template.lines()), ("order <num> took <num>", 3));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Logs {
    options: LogOptions,
    /// The templates of lines without a level, of those that are no trouble, of warnings, and of errors.
    sets: [Templates; 4],
    about: HashMap<u64, About, FxBuildHasher>,
    /// The lines of all templates, also of those that were forgotten.
    pub(super) all: Bins,
    /// How often bins were made twice as wide.
    doublings: u32,
    /// The number of bins of all templates.
    bins: usize,
    lines: u64,
    untimed: u64,
    #[serde(skip)]
    masked: String,
}

/// What is known of the lines of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub(super) level: Option<Level>,
    pub(super) example: String,
    #[serde(with = "time::optional_millis")]
    pub(super) first: Option<Timestamp>,
    #[serde(with = "time::optional_millis")]
    pub(super) last: Option<Timestamp>,
    pub(super) bins: Bins,
}

impl About {
    /// The worst level of its lines.
    #[must_use]
    pub const fn level(&self) -> Option<Level> {
        self.level
    }

    /// The first line, as it was written, up to 400 bytes of it.
    #[must_use]
    pub fn example(&self) -> &str {
        &self.example
    }

    /// The times of the first and of the last line that had one.
    #[must_use]
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.first.zip(self.last)
    }
}

const MOST_BINS: usize = 4_000_000;
const EXAMPLE: usize = 400;

impl Logs {
    /// No line yet.
    ///
    /// # Errors
    /// Limits that leave nothing.
    pub fn new(options: LogOptions) -> Result<Self, Error> {
        let limits = options.limits.check()?;
        Ok(Self {
            sets: [(); 4].map(|()| Templates::new(limits)),
            options,
            about: HashMap::default(),
            all: Bins::default(),
            doublings: 0,
            bins: 0,
            lines: 0,
            untimed: 0,
            masked: String::new(),
        })
    }

    /// Counts a record, and tells which template it is of.
    pub fn add(&mut self, record: &Record<'_>) -> TemplateId {
        self.lines += 1;
        let last = self.sets.iter().map(Templates::last).max().unwrap_or(0);
        let [unknown, fine, warnings, errors] = &mut self.sets;
        let set = match record.level {
            None => unknown,
            Some(Level::Trace | Level::Debug | Level::Info) => fine,
            Some(Level::Warn) => warnings,
            Some(Level::Error | Level::Fatal) => errors,
        };
        set.number_after(last);
        let (id, forgotten) = if self.options.masks {
            self.masked.clear();
            mask(beginning(&record.message, self.options.limits.line), &mut self.masked);
            set.add_telling(&self.masked)
        } else {
            set.add_telling(&record.message)
        };
        if let Some(forgotten) = forgotten {
            self.bins -= self.about.remove(&forgotten.get()).map_or(0, |about| about.bins.len());
        }
        let bin = record.time.map(|time| self.bin(time));
        let about = self.about.entry(id.get()).or_insert_with(|| About {
            example: beginning(&record.message, EXAMPLE).to_owned(),
            ..About::default()
        });
        about.level = about.level.max(record.level);
        let Some((time, bin)) = record.time.zip(bin) else {
            self.untimed += 1;
            return id;
        };
        about.first = Some(about.first.map_or(time, |first| first.min(time)));
        about.last = about.last.max(Some(time));
        self.bins += usize::from(about.bins.add(bin, 1));
        self.all.add(bin, 1);
        while self.bins.max(self.all.len()) > MOST_BINS {
            self.coarsen();
        }
        id
    }

    /// Adds what another worker has counted. No line is lost.
    ///
    /// # Errors
    /// Logs that are counted with other options.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.options != other.options {
            return Err(Error::new("logs that are counted with different options cannot be merged")
                .with_hint("give the workers the same limits, bins, origin and masks"));
        }
        while self.doublings < other.doublings {
            self.coarsen();
        }
        let mut became = BTreeMap::new();
        let mut last = self.sets.iter().map(Templates::last).max().unwrap_or(0);
        for (own, theirs) in self.sets.iter_mut().zip(&other.sets) {
            own.number_after(last);
            became.extend(own.merge(theirs));
            last = own.last();
        }
        for (id, theirs) in &other.about {
            let Some(became) = became.get(&TemplateId(*id)) else { continue };
            let own = self.about.entry(became.get()).or_default();
            own.level = own.level.max(theirs.level);
            let is_earlier = own.first.is_none_or(|first| theirs.first.is_some_and(|theirs| theirs < first));
            if own.example.is_empty() || is_earlier {
                own.example.clone_from(&theirs.example);
            }
            own.first = own.first.into_iter().chain(theirs.first).min();
            own.last = own.last.max(theirs.last);
            for (bin, count) in theirs.bins.iter() {
                own.bins.add(bin >> (self.doublings - other.doublings), count);
            }
        }
        for (bin, count) in other.all.iter() {
            self.all.add(bin >> (self.doublings - other.doublings), count);
        }
        // A template that made room for another takes what is known of it along.
        let kept: std::collections::HashSet<u64, FxBuildHasher> =
            self.sets.iter().flat_map(Templates::iter).map(|template| template.id().get()).collect();
        self.about.retain(|id, _| kept.contains(id));
        self.bins = self.about.values().map(|about| about.bins.len()).sum();
        self.lines += other.lines;
        self.untimed += other.untimed;
        while self.bins.max(self.all.len()) > MOST_BINS {
            self.coarsen();
        }
        Ok(())
    }

    /// The templates and what is known of their lines, in the order of their numbers.
    pub fn templates(&self) -> impl Iterator<Item = (&Template, &About)> {
        let mut all: Vec<&Template> = self.sets.iter().flat_map(Templates::iter).collect();
        all.sort_unstable_by_key(|template| template.id());
        all.into_iter().filter_map(|template| Some((template, self.about.get(&template.id().get())?)))
    }

    /// The number of lines.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// The number of lines that have no time, and so are in no bin.
    #[must_use]
    pub const fn untimed(&self) -> u64 {
        self.untimed
    }

    /// The templates that made room for others, and their lines.
    #[must_use]
    pub fn forgotten(&self) -> Forgotten {
        let mut sum = Forgotten::default();
        for forgotten in self.sets.iter().map(Templates::forgotten) {
            sum.templates += forgotten.templates;
            sum.lines += forgotten.lines;
        }
        sum
    }

    /// The width of a bin, in milliseconds.
    #[must_use]
    pub const fn bin_millis(&self) -> i64 {
        self.options.bin.as_millis().cast_signed() << self.doublings
    }

    /// The lines of a template in each bin that is not empty, with the time at which the bin begins.
    pub fn counts<'a>(&'a self, about: &'a About) -> impl Iterator<Item = (Timestamp, u32)> + 'a {
        about.bins.iter().map(|(bin, count)| (self.start(bin), count))
    }

    /// The times of the first and of the last bin: from, to.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.start(self.all.first()?), self.start(self.all.end()?)))
    }

    /// Whether bins are wider than was asked for.
    pub(super) const fn is_coarse(&self) -> bool {
        self.doublings > 0
    }

    /// The bin of a time.
    pub(super) const fn bin(&self, time: Timestamp) -> i64 {
        time.as_millis().saturating_sub(self.options.origin.as_millis()).div_euclid(self.bin_millis())
    }

    /// The time at which a bin begins.
    pub(super) const fn start(&self, bin: i64) -> Timestamp {
        Timestamp::from_millis(
            bin.saturating_mul(self.bin_millis()).saturating_add(self.options.origin.as_millis()),
        )
    }

    fn coarsen(&mut self) {
        self.doublings += 1;
        self.all.coarsen();
        self.bins = 0;
        for about in self.about.values_mut() {
            about.bins.coarsen();
            self.bins += about.bins.len();
        }
    }
}

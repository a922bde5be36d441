//! Histories from a table.

use super::cells::{self, Cell, Zoned};
use crate::{
    args::{Backtest as Asked, Label},
    error::Error,
    named::Group,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use slo_core::{
    model::{EventPair, LabelName, Service, Slo, Window},
    plain,
    replay::{History, Misread, RowError, Rows, millis_of_seconds, whole_count, zoned},
};
use std::{
    cell::Cell as Shared,
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::{Path, PathBuf},
};

/// A table, with the rows of each of its histories.
pub(super) struct Table {
    path: PathBuf,
    // The columns that assign a row to an SLO or a group: `service`, `slo` and labels.
    keys: Vec<String>,
    rows: BTreeMap<Vec<String>, Vec<Row>>,
    label: Label,
    step: Option<Window>,
    zone: String,
}

/// A row of a history.
#[derive(Clone, Copy)]
struct Row {
    millis: i64,
    zoned: Zoned,
    // The line in a CSV file, or the number of the row in a Parquet file.
    number: usize,
    total: u64,
    bad: u64,
}

const HINT: &str = "give the columns `time` and two of `total`, `good` and `bad`";

impl Table {
    pub(super) fn read(path: &Path, asked: &Asked, slos: &[(&Service, &Slo)]) -> Result<Self, Error> {
        let labels: BTreeSet<&str> =
            slos.iter().flat_map(|(_, slo)| slo.by().iter().map(LabelName::as_str)).collect();
        let (mut keys, counts) = (Vec::new(), Shared::new(EventPair::TotalBad));
        let mut rows: BTreeMap<Vec<String>, Vec<Row>> = BTreeMap::new();
        let at = |row: usize, what: &str| Error::Input(format!("{}:{row}: {what}", path.display()));
        let mut kinds = (false, false);
        let head = |names: &[String]| {
            let place = |name: &str| names.iter().position(|found| found == name);
            let missing = |name: &str, hint: &str| {
                let there: Vec<String> = names.iter().map(|name| plain(name).into_owned()).collect();
                Error::Input(format!(
                    "{}: no column `{name}`; the columns are {}\n  hint: {hint}",
                    path.display(),
                    there.join(", ")
                ))
            };
            let of = EventPair::of(|name| place(name).is_some());
            counts.set(of.ok_or_else(|| {
                let one = ["total", "bad", "good"].into_iter().find(|name| place(name).is_none());
                missing(one.unwrap_or("total"), HINT)
            })?);
            let mut places = Vec::new();
            for name in ["time"].into_iter().chain(counts.get().names()) {
                places.push(place(name).ok_or_else(|| missing(name, HINT))?);
            }
            for name in ["service", "slo"].into_iter().chain(labels.iter().copied()) {
                if let Some(place) = place(name) {
                    places.push(place);
                    keys.push(name.to_owned());
                } else if labels.contains(name) {
                    let hint = "add it, since an SLO is grouped by it, or choose another SLO with `--slo`";
                    return Err(missing(name, hint));
                }
            }
            Ok(places)
        };
        let mut key = Vec::new();
        let row = |number: usize, cells: &[Cell]| {
            let [time, first, second, of @ ..] = cells else { return Ok(()) };
            let (millis, zone, is_number) = moment(time).map_err(|what| at(number, &what))?;
            kinds.0 |= is_number;
            kinds.1 |= !is_number;
            let counts = counts.get();
            let [one, other] = counts.names();
            let first = count(one, first).map_err(|what| at(number, &what))?;
            let second = count(other, second).map_err(|what| at(number, &what))?;
            let (total, bad) = counts.events(first, second).ok_or_else(|| {
                at(number, &format!("{first} as `{one}` and {second} as `{other}` contradict each other"))
            })?;
            key.clear();
            key.extend(of.iter().map(word));
            let history = match rows.get_mut(&key) {
                Some(history) => history,
                None => rows.entry(key.clone()).or_default(),
            };
            history.push(Row { millis, zoned: zone, number, total, bad });
            Ok(())
        };
        cells::read(path, head, row)?;
        let differ = |same: fn(&(&Service, &Slo), &(&Service, &Slo)) -> bool| {
            slos.windows(2).any(|pair| matches!(pair, [one, next] if !same(one, next)))
        };
        for (column, several) in [
            ("slo", differ(|one, next| one.1.name() == next.1.name())),
            ("service", differ(|one, next| one.0.name() == next.0.name())),
        ] {
            if several && !keys.iter().any(|key| key == column) {
                return Err(Error::Input(format!(
                    "{}: no column `{column}`, but there are several SLOs\n  hint: add it, or choose one SLO \
                     with `--slo`",
                    path.display()
                )));
            }
        }
        if kinds == (true, true) {
            return Err(Error::Input(format!(
                "{}: some times are numbers, others are not\n  hint: write all of them in the same form",
                path.display()
            )));
        }
        if kinds.0 {
            let millis: Vec<i64> = rows.values().flatten().map(|row| row.millis).collect();
            if let Some(misread) = Misread::of(&millis) {
                let what = if misread == Misread::Dates { "dates" } else { "years" };
                return Err(Error::Input(format!(
                    "{}: the numbers in `time` look like {what}, not like seconds since the Unix epoch\n  hint: write \
                     2026-11-01, or 2026-11-01T14:30:00Z",
                    path.display()
                )));
            }
        }
        let (label, step, zone) = (asked.label, asked.step, asked.time_zone.clone());
        Ok(Self { path: path.to_owned(), keys, rows, label, step, zone })
    }

    /// The number of rows that belong to none of these SLOs.
    pub(super) fn of_nobody(&self, slos: &[(&Service, &Slo)]) -> usize {
        let is_of_one = |key: &[String]| slos.iter().any(|(service, slo)| self.is_of(key, service, slo));
        self.rows.iter().filter(|(key, _)| !is_of_one(key)).map(|(_, rows)| rows.len()).sum()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.keys.iter().position(|key| key == name)
    }

    /// Whether rows with this key belong to an SLO. Without a column `service` or `slo`, all rows do.
    fn is_of(&self, key: &[String], service: &Service, slo: &Slo) -> bool {
        let names = [("service", service.name().as_str()), ("slo", slo.name().as_str())];
        names.into_iter().all(|(column, name)| {
            self.place(column).and_then(|place| key.get(place)).is_none_or(|found| found == name)
        })
    }

    /// The history of an SLO, or of each of its groups.
    pub(super) fn histories(
        &self,
        service: &Service,
        slo: &Slo,
        talk: &mut dyn Write,
    ) -> Result<Vec<(Group, History)>, Error> {
        let mut groups: BTreeMap<Group, Vec<Row>> = BTreeMap::new();
        for (key, rows) in self.rows.iter().filter(|(key, _)| self.is_of(key, service, slo)) {
            let value = |label: &LabelName| {
                let value = self.place(label.as_str()).and_then(|place| key.get(place)).cloned();
                (label.as_str().to_owned(), value.unwrap_or_default())
            };
            groups.entry(slo.by().iter().map(value).collect()).or_default().extend(rows);
        }
        if groups.is_empty() {
            writeln!(talk, "{}/{}: no rows in {}", service.name(), slo.name(), self.path.display())?;
        }
        let history = |(group, rows): (Group, Vec<Row>)| Ok((group, self.history(rows)?));
        groups.into_iter().map(history).collect()
    }

    fn history(&self, mut rows: Vec<Row>) -> Result<History, Error> {
        let wrong = |rows: &[Row], error: &RowError| {
            // `error.row` is an index of `rows`, which know their numbers in the file.
            let line = error
                .row
                .and_then(|row| rows.get(row))
                .map_or_else(String::new, |row| format!(":{}", row.number));
            let hint = error.error.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
            Error::Input(format!("{}{line}: {}{hint}", self.path.display(), error.error))
        };
        match rows.iter().filter(|row| row.zoned == Zoned::No).count() {
            0 => {}
            naive if naive == rows.len() => {
                // Keeps the order of the file: it tells apart the two hours with the same clock times when
                // summer time ends.
                rows.sort_by_key(|row| row.number);
                if rows.first().zip(rows.last()).is_some_and(|(first, last)| first.millis > last.millis) {
                    rows.reverse();
                }
                let clock: Vec<i64> = rows.iter().map(|row| row.millis).collect();
                let times = zoned(&clock, &self.zone).map_err(|error| wrong(&rows, &error))?;
                rows.iter_mut().zip(times).for_each(|(row, time)| row.millis = time);
            }
            _ => {
                return Err(Error::Input(format!(
                    "{}: some times have a time zone, others do not\n  hint: write all or none with a zone",
                    self.path.display()
                )));
            }
        }
        rows.sort_by_key(|row| (row.millis, row.number));
        let times: Vec<i64> = rows.iter().map(|row| row.millis).collect();
        let placed = match self.label {
            Label::Start => Rows::beginning_at(&times, self.step),
            Label::End => Rows::ending_at(&times, self.step),
        };
        let placed = placed.map_err(|error| wrong(&rows, &error))?;
        let column = |pick: fn(&Row) -> u64| placed.place(&rows.iter().map(pick).collect::<Vec<_>>());
        Ok(History {
            start: placed.start(),
            step: placed.step(),
            total: column(|row| row.total),
            bad: column(|row| row.bad),
            gaps: placed.gaps(),
        })
    }
}

/// A cell of a key column as text.
fn word(cell: &Cell) -> String {
    match cell {
        Cell::Missing => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Count(number) => number.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Moment(millis, _) => millis.to_string(),
    }
}

fn count(name: &str, cell: &Cell) -> Result<u64, String> {
    let wrong =
        |what: &str| Err(format!("`{name}` is {}\n  hint: write a whole number, 0 or more", plain(what)));
    let of_number = |number: f64| whole_count(number).map_or_else(|| wrong(&number.to_string()), Ok);
    match cell {
        Cell::Count(count) => Ok(*count),
        Cell::Number(number) => of_number(*number),
        Cell::Text(text) => match (text.parse::<u64>(), text.parse::<f64>()) {
            (Ok(count), _) => Ok(count),
            (_, Ok(number)) if number.is_finite() => of_number(number),
            _ => wrong(&format!("`{text}`")),
        },
        Cell::Missing => wrong("missing"),
        Cell::Moment(..) => wrong("a time"),
    }
}

/// A time in milliseconds, whether it has a time zone, and whether it was a number of seconds.
fn moment(cell: &Cell) -> Result<(i64, Zoned, bool), String> {
    const TIMES: &str =
        "\n  hint: write 2026-11-01T14:30:00Z, 2026-11-01 14:30, or seconds since the Unix epoch";
    let of_seconds = |seconds: f64| {
        let finer = || format!("`time` is {seconds}, out of range for seconds{TIMES}");
        millis_of_seconds(seconds).map(|millis| (millis, Zoned::Yes, true)).ok_or_else(finer)
    };
    match cell {
        Cell::Moment(millis, zone) => Ok((*millis, *zone, false)),
        Cell::Count(number) => of_seconds(*number as f64),
        Cell::Number(number) => of_seconds(*number),
        Cell::Missing => Err(format!("`time` is missing{TIMES}")),
        Cell::Text(text) => {
            if let Some(seconds) = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()) {
                return of_seconds(seconds);
            }
            if let Ok(time) = text.parse::<Timestamp>() {
                return Ok((time.as_millisecond(), Zoned::Yes, false));
            }
            // A date stands for its midnight. Zone names in brackets are not supported.
            let clock = text.parse::<DateTime>().ok().filter(|_| !text.contains('['));
            match clock.and_then(|clock| TimeZone::UTC.to_timestamp(clock).ok()) {
                Some(clock) => Ok((clock.as_millisecond(), Zoned::No, false)),
                None => Err(format!("`time` is `{}`, which is not a time{TIMES}", plain(text))),
            }
        }
    }
}

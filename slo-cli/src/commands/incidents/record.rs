//! An open incident record.

use crate::{
    args::{Place, Record},
    commands::serve::outside,
    error::Error,
};
use slo_ops::{
    Redactor,
    alert::IncidentId,
    incident::{Entry, Episode, Incident},
};
use slo_server::{
    config::{Secret, StoreConfig},
    serve::open_store,
    store::{IncidentRow, Numbered, Query, Store},
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// An open incident record, and the redactor for its texts.
pub(super) struct Opened {
    store: Arc<dyn Store>,
    pub(super) redactor: Redactor,
}

/// How many incidents are listed at once.
const PAGE: usize = 1_000;

impl Opened {
    pub(super) async fn new(record: &Record) -> Result<Self, Error> {
        Self::at(&record.place).await
    }

    pub(super) async fn at(place: &Place) -> Result<Self, Error> {
        let (store, redactor) = open(place).await?;
        Ok(Self { store, redactor })
    }

    pub(super) async fn list(&self, query: Query) -> Result<Vec<IncidentRow>, Error> {
        self.store.list(query).await.map_err(outside)
    }

    pub(super) async fn entries(&self, id: IncidentId) -> Result<Vec<Numbered>, Error> {
        self.store.record(id, 0).await.map_err(outside)
    }

    pub(super) async fn add(&self, id: IncidentId, entry: Entry) -> Result<(), Error> {
        self.store.add(id, entry).await.map_err(outside)
    }

    pub(super) async fn incident(&self, id: IncidentId) -> Result<(Incident, Vec<Entry>), Error> {
        let entries: Vec<Entry> =
            self.entries(id).await?.into_iter().map(|numbered| numbered.entry).collect();
        if entries.is_empty() {
            return Err(Error::Input(format!("there is no incident {id}")));
        }
        Ok((Incident::of(id, &entries), entries))
    }

    /// The page of incidents after `after`, the most recently changed first; empty after the last one.
    async fn page(&self, after: Option<IncidentRow>) -> Result<Vec<IncidentRow>, Error> {
        let after = after.map(|row| (row.last, row.incident));
        self.list(Query { open: false, after, limit: PAGE }).await
    }

    /// All incidents. An incident that changes meanwhile moves to the front, so the front is read again.
    pub(super) async fn ids(&self) -> Result<Vec<IncidentId>, Error> {
        let mut found = Vec::new();
        let mut known = BTreeSet::new();
        let mut since = None;
        loop {
            let (mut last, mut newest) = (None, None);
            let mut news = 0;
            'pages: loop {
                let rows = self.page(last).await?;
                newest = newest.or_else(|| rows.first().map(|row| row.last));
                for row in &rows {
                    if since.is_some_and(|since| row.last < since) {
                        break 'pages;
                    }
                    if known.insert(row.incident) {
                        news += 1;
                        found.push(row.incident);
                    }
                }
                last = rows.last().copied();
                if last.is_none() {
                    break;
                }
            }
            if news == 0 || newest.is_none() {
                return Ok(found);
            }
            since = newest;
        }
    }

    /// The incident whose ID begins with `text`; the ID of an episode works, too.
    pub(super) async fn find(&self, text: &str) -> Result<IncidentId, Error> {
        let digits = text.split('-').next().unwrap_or(text);
        if let Ok(id) = digits.parse() {
            return Ok(id);
        }
        let mut found = None;
        for id in self.ids().await? {
            if !digits.is_empty() && id.to_string().starts_with(digits) && found.replace(id).is_some() {
                let told = format!("several incidents begin with `{text}`\n  hint: write more digits");
                return Err(Error::Input(told));
            }
        }
        found.ok_or_else(|| {
            Error::Input(format!("no incident begins with `{text}`\n  hint: see `slo incidents list`"))
        })
    }
}

/// The latest episode of an incident, and the redactor for its texts.
pub(in crate::commands) async fn latest(place: &Place, text: &str) -> Result<(Episode, Redactor), Error> {
    let record = Opened::at(place).await?;
    let (incident, _) = record.incident(record.find(text).await?).await?;
    let episode = incident.episodes().last().cloned();
    let episode =
        episode.ok_or_else(|| Error::Input(format!("the incident {} has no episode", incident.id())))?;
    Ok((episode, record.redactor))
}

/// Opens the incident record at a place, which must exist.
pub(in crate::commands) async fn open(place: &Place) -> Result<(Arc<dyn Store>, Redactor), Error> {
    let (config, redactor) = match &place.config {
        Some(path) => {
            let config = crate::commands::serve::config(path)?;
            let missing = || {
                Error::Input(format!("{}: the server has no `store`, so it has no incidents", path.display()))
            };
            (config.store.ok_or_else(missing)?, config.redactor)
        }
        None => (of_url(place)?, Redactor::default()),
    };
    if let StoreConfig::Sqlite(path) = &config {
        // A missing file is an error; it must not be created.
        fs::metadata(path).map_err(|error| Error::file(path, &error))?;
    }
    Ok((open_store(&config).await.map_err(outside)?, redactor))
}

/// The incident record at a URL.
fn of_url(record: &Place) -> Result<StoreConfig, Error> {
    let url = record.store.as_deref().unwrap_or_default();
    if let Some(path) = url.strip_prefix("sqlite:") {
        return Ok(StoreConfig::Sqlite(PathBuf::from(path)));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let read = |path: &Path| {
            let text = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
            Ok::<_, Error>(Secret::new(text.trim_end_matches(['\r', '\n'])))
        };
        let password = record.password_file.as_deref().map(read).transpose()?;
        return Ok(StoreConfig::Postgres { url: url.to_owned(), password });
    }
    Err(Error::Usage(format!(
        "--store: `{url}` is not a record URL\n  hint: write sqlite:FILE, or postgres://USER@HOST/DATABASE"
    )))
}

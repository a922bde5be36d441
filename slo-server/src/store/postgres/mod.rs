//! `PostgreSQL`, for several replicas.

mod pool;

use super::{
    Append, Arrival, Claim, IncidentRow, KeptRun, Numbered, Owner, Query, Receipt, Start, Store, StoreError,
    StoreFuture,
    text::{body, deployment, deployment_body, incident_id, numbered, record_body},
};
use slo_core::model::{Timestamp, Window};
use slo_ops::{
    Deployment,
    alert::IncidentId,
    experiment::RunEntry,
    incident::{Entry, Event},
};
use tokio_postgres::Row;

pub use pool::Postgres;

/// The server's clock in milliseconds. Leases use it, so the clocks of replicas may differ.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

fn time(row: &Row, index: usize) -> Result<Timestamp, StoreError> {
    row.try_get(index).map(Timestamp::from_millis).map_err(StoreError::from)
}

fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Records a delivery: checks whether it is known, takes the next place in the record, and writes the entry.
const RECEIVE: &str = "
    WITH known AS (INSERT INTO deliveries (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id),
    grown AS (
        INSERT INTO incidents (id, head, due, first, last, open) VALUES ($2, 1, $3, $3, $3, true)
        ON CONFLICT (id) DO UPDATE SET head = incidents.head + 1, due = least(coalesce(incidents.due, $3), $3),
            last = greatest(incidents.last, $3)
        RETURNING head)
    INSERT INTO entries (incident, number, body)
    SELECT $2, head, CASE WHEN EXISTS (SELECT 1 FROM known) THEN $4 ELSE $5 END FROM grown
    RETURNING EXISTS (SELECT 1 FROM known)";

const ADD: &str = "
    WITH grown AS (
        INSERT INTO incidents (id, head, due, first, last, open) VALUES ($1, 1, $2, $2, $2, true)
        ON CONFLICT (id) DO UPDATE SET head = incidents.head + 1, due = least(coalesce(incidents.due, $2), $2),
            last = greatest(incidents.last, $2)
        RETURNING head)
    INSERT INTO entries (incident, number, body) SELECT $1, head, $3 FROM grown";

impl Store for Postgres {
    fn receive(&self, arrivals: Vec<Arrival>) -> StoreFuture<'_, Vec<Receipt>> {
        Box::pin(self.with(async move |client| {
            // In the same order everywhere, so that two replicas do not deadlock.
            let mut order: Vec<(String, usize)> = arrivals
                .iter()
                .enumerate()
                .map(|(index, arrival)| (arrival.delivery.incident().to_string(), index))
                .collect();
            order.sort_unstable();
            let transaction = client.transaction().await?;
            let statement = transaction.prepare(RECEIVE).await?;
            let mut receipts = vec![Receipt::Repeated; arrivals.len()];
            for (incident, index) in order {
                let Some(Arrival { delivery, at }) = arrivals.get(index) else { continue };
                let id = delivery.id();
                let new = body(&Entry::new(*at, Event::received(delivery)))?;
                let repeated = body(&Entry::new(*at, Event::Repeated { delivery: id }))?;
                let row = transaction
                    .query_one(&statement, &[&id.to_string(), &incident, &at.as_millis(), &new, &repeated])
                    .await?;
                if row.try_get(0)?
                    && let Some(receipt) = receipts.get_mut(index)
                {
                    *receipt = Receipt::New;
                }
            }
            transaction.commit().await?;
            Ok(receipts)
        }))
    }

    fn claim<'a>(
        &'a self,
        owner: &'a Owner,
        now: Timestamp,
        lease: Window,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Claim>> {
        Box::pin(self.with(async move |client| {
            let statement = format!(
                "UPDATE incidents SET owner = $1, lease = {NOW} + $2 WHERE id IN (
                    SELECT id FROM incidents WHERE due <= $3 AND (owner IS NULL OR lease < {NOW})
                    ORDER BY due LIMIT $4 FOR UPDATE SKIP LOCKED)
                 RETURNING id, due"
            );
            let (lease, limit) = (count(lease.as_millis()), count(limit));
            let rows = client.query(&statement, &[&&**owner, &lease, &now.as_millis(), &limit]).await?;
            let claims = rows
                .iter()
                .map(|row| Ok(Claim { incident: incident_id(row.try_get(0)?)?, due: time(row, 1)? }));
            claims.collect()
        }))
    }

    fn renew<'a>(
        &'a self,
        owner: &'a Owner,
        incidents: Vec<IncidentId>,
        locks: Vec<(String, Owner)>,
        _now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            let lease = count(lease.as_millis());
            let ids: Vec<String> = incidents.iter().map(ToString::to_string).collect();
            let statement =
                format!("UPDATE incidents SET lease = {NOW} + $2 WHERE owner = $1 AND id = ANY($3)");
            client.execute(&statement, &[&&**owner, &lease, &ids]).await?;
            let statement = format!("UPDATE locks SET lease = {NOW} + $3 WHERE name = $1 AND owner = $2");
            for (name, holder) in &locks {
                client.execute(&statement, &[name, &&**holder, &lease]).await?;
            }
            Ok(())
        }))
    }

    fn release<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        seen: u64,
        due: Option<Timestamp>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            let statement = "UPDATE incidents SET owner = NULL, lease = 0,
                due = CASE WHEN head > $3 THEN last ELSE $4 END WHERE id = $1 AND owner = $2";
            let due = due.map(Timestamp::as_millis);
            client.execute(statement, &[&incident.to_string(), &&**owner, &count(seen), &due]).await?;
            Ok(())
        }))
    }

    fn append<'a>(
        &'a self,
        incident: IncidentId,
        owner: &'a Owner,
        append: Append,
        is_open: bool,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            let id = incident.to_string();
            let last = append.entries.iter().map(|entry| entry.at.as_millis()).max().unwrap_or(0);
            let transaction = client.transaction().await?;
            let grown = "UPDATE incidents SET head = head + $3, last = greatest(last, $4), open = $5
                WHERE id = $1 AND owner = $2 RETURNING head";
            let added = count(append.entries.len());
            let row = transaction.query_opt(grown, &[&id, &&**owner, &added, &last, &is_open]).await?;
            let head: i64 = row.ok_or(StoreError::Lost)?.try_get(0)?;
            let insert = "INSERT INTO entries (incident, number, body) VALUES ($1, $2, $3)";
            for (number, entry) in (head - added + 1..).zip(&append.entries) {
                transaction.execute(insert, &[&id, &number, &body(entry)?]).await?;
            }
            if let Some(Start { runbook, step, at, helped }) = &append.start {
                let insert = "INSERT INTO starts (runbook, step, at, helped) VALUES ($1, $2, $3, $4)";
                transaction.execute(insert, &[runbook, step, &at.as_millis(), helped]).await?;
            }
            for Start { runbook, step, at, helped } in &append.judged {
                let update = "UPDATE starts SET helped = $4 WHERE runbook = $1 AND step = $2 AND at = $3";
                transaction.execute(update, &[runbook, step, &at.as_millis(), helped]).await?;
            }
            transaction.commit().await?;
            Ok(())
        }))
    }

    fn add(&self, incident: IncidentId, entry: Entry) -> StoreFuture<'_, ()> {
        Box::pin(self.with(async move |client| {
            client.execute(ADD, &[&incident.to_string(), &entry.at.as_millis(), &body(&entry)?]).await?;
            Ok(())
        }))
    }

    fn record(&self, incident: IncidentId, after: u64) -> StoreFuture<'_, Vec<Numbered>> {
        Box::pin(self.with(async move |client| {
            let statement =
                "SELECT number, body FROM entries WHERE incident = $1 AND number > $2 ORDER BY number";
            let rows = client.query(statement, &[&incident.to_string(), &count(after)]).await?;
            let entries = rows.iter().map(|row| {
                let (number, body): (i64, &str) = (row.try_get(0)?, row.try_get(1)?);
                numbered(incident, number.unsigned_abs(), body)
            });
            entries.collect()
        }))
    }

    fn list(&self, query: Query) -> StoreFuture<'_, Vec<IncidentRow>> {
        Box::pin(self.with(async move |client| {
            let (last, id) = query
                .after
                .map_or((i64::MAX, "g".to_owned()), |(last, id)| (last.as_millis(), id.to_string()));
            let only = if query.open { "open AND" } else { "" };
            let statement = format!(
                "SELECT id, first, last, open FROM incidents WHERE {only} (last, id) < ($1, $2)
                 ORDER BY last DESC, id DESC LIMIT $3"
            );
            let rows = client.query(&statement, &[&last, &id, &count(query.limit)]).await?;
            let rows = rows.iter().map(|row| {
                Ok(IncidentRow {
                    incident: incident_id(row.try_get(0)?)?,
                    first: time(row, 1)?,
                    last: time(row, 2)?,
                    is_open: row.try_get(3)?,
                })
            });
            rows.collect()
        }))
    }

    fn starts<'a>(&'a self, runbook: &'a str, since: Timestamp) -> StoreFuture<'a, Vec<Start>> {
        Box::pin(self.with(async move |client| {
            let statement = "SELECT step, at, helped FROM starts WHERE runbook = $1 AND at >= $2 ORDER BY at";
            let rows = client.query(statement, &[&runbook, &since.as_millis()]).await?;
            let starts = rows.iter().map(|row| {
                Ok(Start {
                    runbook: runbook.to_owned(),
                    step: row.try_get(0)?,
                    at: time(row, 1)?,
                    helped: row.try_get(2)?,
                })
            });
            starts.collect()
        }))
    }

    fn lock<'a>(
        &'a self,
        name: &'a str,
        owner: &'a Owner,
        _now: Timestamp,
        lease: Window,
    ) -> StoreFuture<'a, bool> {
        Box::pin(self.with(async move |client| {
            let statement = format!(
                "INSERT INTO locks (name, owner, lease) VALUES ($1, $2, {NOW} + $3) ON CONFLICT (name) DO UPDATE
                 SET owner = $2, lease = {NOW} + $3 WHERE locks.lease < {NOW} OR locks.owner = $2"
            );
            let changed = client.execute(&statement, &[&name, &&**owner, &count(lease.as_millis())]).await?;
            Ok(changed > 0)
        }))
    }

    fn unlock<'a>(&'a self, name: &'a str, owner: &'a Owner) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            client.execute("DELETE FROM locks WHERE name = $1 AND owner = $2", &[&name, &&**owner]).await?;
            Ok(())
        }))
    }

    fn keep_run(&self, run: KeptRun, record: Vec<RunEntry>) -> StoreFuture<'_, ()> {
        Box::pin(self.with(async move |client| {
            let statement = "INSERT INTO runs (id, fault, began, until, body) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (id) DO UPDATE SET until = $4, body = $5";
            let (began, until) = (run.began.as_millis(), run.until.as_millis());
            client.execute(statement, &[&run.id, &run.fault, &began, &until, &record_body(&record)?]).await?;
            Ok(())
        }))
    }

    fn runs(&self, from: Timestamp, to: Timestamp) -> StoreFuture<'_, Vec<KeptRun>> {
        Box::pin(self.with(async move |client| {
            let statement = "SELECT id, fault, began, until FROM runs
                WHERE began <= $2 AND until >= $1 ORDER BY began, id";
            let rows = client.query(statement, &[&from.as_millis(), &to.as_millis()]).await?;
            let run = |row: &Row| {
                let (id, fault) = (row.try_get(0)?, row.try_get(1)?);
                Ok(KeptRun { id, fault, began: time(row, 2)?, until: time(row, 3)? })
            };
            rows.iter().map(run).collect()
        }))
    }

    fn keep_deployment(&self, deployment: Deployment) -> StoreFuture<'_, bool> {
        Box::pin(self.with(async move |client| {
            // A row that is new was inserted by this transaction.
            let statement = "INSERT INTO deployments (service, at, version, body) VALUES ($1, $2, $3, $4)
                ON CONFLICT (service, at, version) DO UPDATE SET body = $4 RETURNING (xmax = 0)";
            let Deployment { service, version, at, .. } = &deployment;
            let body = deployment_body(&deployment)?;
            Ok(client.query_one(statement, &[service, &at.as_millis(), version, &body]).await?.try_get(0)?)
        }))
    }

    fn deployments(&self, from: Timestamp, to: Timestamp) -> StoreFuture<'_, Vec<Deployment>> {
        Box::pin(self.with(async move |client| {
            let statement =
                "SELECT body FROM deployments WHERE at >= $1 AND at <= $2 ORDER BY at, service, version";
            let rows = client.query(statement, &[&from.as_millis(), &to.as_millis()]).await?;
            rows.iter().map(|row| deployment(row.try_get(0)?)).collect()
        }))
    }

    fn untold(&self, limit: usize) -> StoreFuture<'_, Vec<Deployment>> {
        Box::pin(self.with(async move |client| {
            let statement = "SELECT body FROM deployments WHERE NOT told ORDER BY at LIMIT $1";
            let rows = client.query(statement, &[&count(limit)]).await?;
            rows.iter().map(|row| deployment(row.try_get(0)?)).collect()
        }))
    }

    fn told(&self, deployment: Deployment) -> StoreFuture<'_, ()> {
        Box::pin(self.with(async move |client| {
            let statement =
                "UPDATE deployments SET told = true WHERE service = $1 AND at = $2 AND version = $3";
            let Deployment { service, version, at, .. } = &deployment;
            client.execute(statement, &[service, &at.as_millis(), version]).await?;
            Ok(())
        }))
    }

    fn owners(&self) -> StoreFuture<'_, Vec<Owner>> {
        Box::pin(self.with(async move |client| {
            let statement =
                "SELECT owner FROM incidents WHERE owner IS NOT NULL UNION SELECT owner FROM locks";
            let rows = client.query(statement, &[]).await?;
            rows.iter().map(|row| Ok(row.try_get::<_, &str>(0)?.into())).collect()
        }))
    }

    fn disown<'a>(&'a self, owner: &'a Owner) -> StoreFuture<'a, ()> {
        Box::pin(self.with(async move |client| {
            let transaction = client.transaction().await?;
            for statement in [
                "UPDATE incidents SET owner = NULL, lease = 0 WHERE owner = $1",
                "DELETE FROM locks WHERE owner = $1",
            ] {
                transaction.execute(statement, &[&&**owner]).await?;
            }
            transaction.commit().await?;
            Ok(())
        }))
    }

    fn waiting(&self, now: Timestamp) -> StoreFuture<'_, (u64, Option<Timestamp>)> {
        Box::pin(self.with(async move |client| {
            let statement =
                "SELECT count(*), min(due) FROM incidents WHERE due <= $1 AND (owner IS NULL OR lease < $1)";
            let row = client.query_one(statement, &[&now.as_millis()]).await?;
            let (count, due): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
            Ok((count.unsigned_abs(), due.map(Timestamp::from_millis)))
        }))
    }
}

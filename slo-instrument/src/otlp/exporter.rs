//! The thread that sends.

use super::{Otlp, metrics::Metrics, names, send::Sender, traces};
use crate::{
    Error,
    failures::Failures,
    source::Source,
    trace::{Span, Spans},
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    thread,
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, interval_at, timeout_at},
};

/// Sends until it is shut down or dropped, on its own thread and runtime. So no request waits for the
/// collector, and the remaining data is sent at the end in any state of the program's runtime.
#[derive(Debug)]
pub(crate) struct Exporter {
    stop: watch::Sender<bool>,
    // The result of the last exports.
    done: watch::Receiver<Option<Result<(), Error>>>,
}

/// The most spans in one request to the collector.
const BATCH: usize = 512;
/// How often spans are sent.
const SPAN_INTERVAL: Duration = Duration::from_secs(1);
/// The number of attempts to send a batch.
const ATTEMPTS: u32 = 5;

impl Exporter {
    pub(crate) fn start(otlp: Otlp, source: Arc<Source>, spans: Receiver<Span>) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::new("otlp", error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        let (stop, stopped) = watch::channel(false);
        let (finished, done) = watch::channel(None);
        let (ready, made) = sync_channel(1);
        thread::Builder::new()
            .name("slo-otlp".to_owned())
            .spawn(move || {
                // Sending is not traced.
                let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
                runtime.block_on(async move {
                    let (metrics, traces) = match make(&otlp, source, spans) {
                        Ok(made) => made,
                        Err(error) => {
                            let _nobody_waits = ready.send(Err(error));
                            return;
                        }
                    };
                    let _nobody_waits = ready.send(Ok(()));
                    // An interval of nothing would be one without end.
                    let every = otlp.interval.max(Duration::from_millis(1));
                    let (times, stopped) = (Times { every, timeout: otlp.timeout }, Stop(stopped));
                    let (metrics, traces) =
                        tokio::join!(metrics.run(times, stopped.clone()), traces.run(times, stopped));
                    finished.send_replace(Some(metrics.and(traces)));
                });
            })
            .map_err(|error| failed(&error))?;
        made.recv().map_err(|error| failed(&error))??;
        Ok(Self { stop, done })
    }

    /// Sends the remaining data, and ends.
    pub(crate) async fn shutdown(&self) -> Result<(), Error> {
        self.stop.send_replace(true);
        let mut done = self.done.clone();
        let result = done.wait_for(Option::is_some).await;
        let result = result.map_err(|error| Error::new("otlp", error.to_string()))?;
        result.clone().unwrap_or(Ok(()))
    }
}

fn make(otlp: &Otlp, source: Arc<Source>, queue: Receiver<Span>) -> Result<(MetricsLoop, TracesLoop), Error> {
    let service = source.service.name().to_string();
    let attributes = traces::resource_attributes(otlp, &service);
    let resource = Resource {
        attributes: attributes.iter().map(|(key, value)| names::attribute(key, value)).collect(),
        ..Resource::default()
    };
    let failures = source.failures.clone().unwrap_or_default();
    let traces = TracesLoop {
        exporter: otlp.sends_traces.then(|| traces::exporter(otlp, &attributes)).transpose()?,
        queue,
        batch: Vec::new(),
        attempts: 0,
        spans: source.spans.clone(),
        failures: Arc::clone(&failures),
    };
    let metrics = Metrics::new(source, resource, otlp.is_delta);
    let sender = otlp.sends_metrics.then(|| Sender::new(otlp)).transpose()?;
    Ok((MetricsLoop { metrics, sender, failures }, traces))
}

/// The interval of sending, and how long it may take.
#[derive(Debug, Clone, Copy)]
struct Times {
    every: Duration,
    timeout: Duration,
}

/// Tells when to stop.
#[derive(Clone)]
struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits until it is time to stop, or the handle is gone.
    async fn wait(mut self) {
        let _gone = self.0.wait_for(|stopped| *stopped).await;
    }

    /// Gives running work the time of one request after the stop. Returns the deadline, because the work
    /// after it shares this time.
    async fn finish<T>(
        self,
        timeout: Duration,
        work: impl Future<Output = T>,
    ) -> (Option<T>, Option<Instant>) {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => (Some(done), None),
            () = self.wait() => {
                let deadline = Instant::now() + timeout;
                (timeout_at(deadline, work).await.ok(), Some(deadline))
            }
        }
    }
}

struct MetricsLoop {
    metrics: Metrics,
    // None where metrics are not sent.
    sender: Option<Sender>,
    failures: Arc<Failures>,
}

impl MetricsLoop {
    async fn run(mut self, times: Times, stopped: Stop) -> Result<(), Error> {
        if self.sender.is_none() {
            stopped.wait().await;
            return Ok(());
        }
        let mut ticks = interval_at(Instant::now() + times.every, times.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let deadline = loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stopped.clone().wait() => break Instant::now() + times.timeout,
            }
            // A failure is counted; what has not arrived is part of what comes next.
            let (_sent, stopped) = stopped.clone().finish(times.timeout, self.send()).await;
            if let Some(deadline) = stopped {
                break deadline;
            }
        };
        timeout_at(deadline, self.send()).await.unwrap_or_else(|_| {
            self.failures.of_metrics();
            Err(Error::new("otlp metrics", format!("not sent within {:?}", times.timeout)))
        })
    }

    async fn send(&mut self) -> Result<(), Error> {
        let Some(sender) = &mut self.sender else { return Ok(()) };
        let mut request = self.metrics.request();
        match sender.send(std::mem::take(&mut request.message)).await {
            Ok(refused) => {
                self.metrics.arrived(request);
                self.failures.refused(refused);
                Ok(())
            }
            Err(error) => {
                self.failures.of_metrics();
                Err(error)
            }
        }
    }
}

struct TracesLoop {
    // None where spans are not sent, and so none are made.
    exporter: Option<opentelemetry_otlp::SpanExporter>,
    queue: Receiver<Span>,
    // The spans being sent; they are sent again if they do not arrive.
    batch: Vec<SpanData>,
    attempts: u32,
    spans: Option<Spans>,
    failures: Arc<Failures>,
}

impl TracesLoop {
    async fn run(mut self, times: Times, stopped: Stop) -> Result<(), Error> {
        let mut ticks = interval(SPAN_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let deadline = loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stopped.clone().wait() => break Instant::now() + times.timeout,
            }
            let (_sent, stopped) = stopped.clone().finish(times.timeout, self.send_all()).await;
            if let Some(deadline) = stopped {
                break deadline;
            }
        };
        let sent = timeout_at(deadline, self.send_all()).await.unwrap_or_else(|_| {
            self.failures.of_traces();
            Err(Error::new("otlp traces", format!("not all sent within {:?}", times.timeout)))
        });
        // Whatever could not be sent now never will be.
        self.lose();
        while self.queue.try_recv().is_ok() {
            self.lose_one();
        }
        sent
    }

    /// Sends batches until the queue is empty or one does not arrive.
    async fn send_all(&mut self) -> Result<(), Error> {
        loop {
            if self.batch.is_empty() {
                self.batch.extend(self.queue.try_iter().take(BATCH).map(traces::data));
                self.attempts = 0;
            }
            if self.batch.is_empty() {
                return Ok(());
            }
            let Some(exporter) = &self.exporter else { return Ok(()) };
            match exporter.export(self.batch.clone()).await {
                Ok(()) => self.batch.clear(),
                Err(error) => {
                    self.failures.of_traces();
                    self.attempts += 1;
                    if self.attempts == ATTEMPTS {
                        self.lose();
                    }
                    return Err(Error::new("otlp traces", error.to_string()));
                }
            }
        }
    }

    fn lose(&mut self) {
        if let Some(spans) = &self.spans {
            spans.lose(u64::try_from(self.batch.len()).unwrap_or(u64::MAX));
        }
        self.batch.clear();
    }

    fn lose_one(&self) {
        if let Some(spans) = &self.spans {
            spans.lose(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    const TIMEOUT: Duration = Duration::from_secs(10);

    /// How long work that takes `work` has when it is told to stop after `stop`: whether it ended, when that was, and how
    /// much time is left for what comes after it.
    async fn finished(work: Duration, stop: Duration) -> (bool, Duration, Option<Duration>) {
        let (stopping, stopped) = watch::channel(false);
        let start = Instant::now();
        tokio::spawn(async move {
            sleep(stop).await;
            stopping.send_replace(true);
            // As a handle is kept until what is left has been sent.
            sleep(3 * TIMEOUT).await;
        });
        let (done, deadline) = Stop(stopped).finish(TIMEOUT, sleep(work)).await;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        (done.is_some(), start.elapsed(), left)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_on_its_way_has_the_time_of_a_request_left() {
        let seconds = Duration::from_secs;
        assert_eq!(finished(seconds(3), seconds(60)).await, (true, seconds(3), None));
        // Told to stop after two seconds of five: three of the ten that there are then are used.
        assert_eq!(finished(seconds(5), seconds(2)).await, (true, seconds(5), Some(seconds(7))));
        // A collector that never answers.
        let hung = finished(seconds(3_600), seconds(2)).await;
        assert_eq!(hung, (false, seconds(12), Some(Duration::ZERO)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handle_that_is_gone_stops_it_as_well() {
        let (stopping, stopped) = watch::channel(false);
        tokio::spawn(async move {
            sleep(TIMEOUT).await;
            drop(stopping);
        });
        let start = Instant::now();
        Stop(stopped).wait().await;
        assert_eq!(start.elapsed(), TIMEOUT);
    }
}

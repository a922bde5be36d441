//! The answers of `/metrics`: rendered outside the runtime's workers, with bounded memory.

use crate::{Service, expose::Format};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock, Weak},
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, task::spawn_blocking};

/// The number of renderings being read from which on requests share the newest.
const MOST_FRESH: usize = 4;
/// The most renderings being read; a new one replaces the oldest.
const MOST: usize = 8;
/// The greatest age of a shared rendering.
const LONGEST_SHARED: Duration = Duration::from_secs(5);
/// Bytes of a rendering that are handed to a connection at once.
const CHUNK: usize = 16 << 10;

/// The renderings that are still being read.
///
/// A client that sends a request and does not read holds a rendering, which may be megabytes. While few are
/// held, every request gets its own. Then requests share the newest one for a few seconds. If even this is
/// too much, the readers of the oldest are cut off. So a scraper always gets an answer, and memory is
/// bounded.
#[derive(Debug, Default)]
pub(super) struct Scrapes {
    // Locked during a rendering, even if its client has left: one at a time, in the order of the requests.
    held: Arc<Mutex<Vec<Held>>>,
}

#[derive(Debug)]
struct Held {
    format: Format,
    made: Instant,
    rendering: Weak<Rendering>,
}

/// Its bytes; none once it was cut off.
#[derive(Debug)]
struct Rendering(RwLock<Option<Vec<u8>>>);

impl Scrapes {
    /// The metrics of `slo` in `format`.
    ///
    /// # Errors
    /// A collector in the registry from the builder panicked.
    pub(super) async fn body(&self, slo: &Service, format: Format) -> Result<ScrapeBody, Failed> {
        let mut held = Arc::clone(&self.held).lock_owned().await;
        held.retain(|one| one.rendering.strong_count() > 0);
        if held.len() >= MOST_FRESH
            && let Some(newest) = held.iter().rfind(|one| one.format == format)
            && newest.made.elapsed() < LONGEST_SHARED
            && let Some(rendering) = newest.rendering.upgrade()
        {
            return Ok(ScrapeBody::of(rendering));
        }
        if held.len() >= MOST {
            let oldest = held.remove(0);
            if let Some(rendering) = oldest.rendering.upgrade() {
                rendering.cut_off();
            }
        }
        let slo = slo.clone();
        let rendered = spawn_blocking(move || {
            let rendering = Arc::new(Rendering(RwLock::new(Some(slo.encode(format)))));
            held.push(Held { format, made: Instant::now(), rendering: Arc::downgrade(&rendering) });
            rendering
        });
        Ok(ScrapeBody::of(rendered.await.map_err(|_| Failed)?))
    }
}

impl Rendering {
    fn cut_off(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn length(&self) -> Option<usize> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(Vec::len)
    }

    /// The bytes from `position` on, as many as are handed on at once.
    fn chunk(&self, position: usize) -> Result<Option<Bytes>, Failed> {
        let bytes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let rest = bytes.as_ref().ok_or(Failed)?.get(position..).unwrap_or_default();
        Ok(rest.chunks(CHUNK).next().map(Bytes::copy_from_slice))
    }
}

/// A rendering on its way to one who asked.
#[derive(Debug)]
pub(super) struct ScrapeBody {
    rendering: Option<Arc<Rendering>>,
    position: usize,
    length: usize,
}

impl ScrapeBody {
    fn of(rendering: Arc<Rendering>) -> Self {
        let length = rendering.length().unwrap_or(0);
        Self { rendering: Some(rendering), position: 0, length }
    }
}

impl Body for ScrapeBody {
    type Data = Bytes;
    type Error = Failed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        let Some(rendering) = &self.rendering else { return Poll::Ready(None) };
        let chunk = rendering.chunk(self.position);
        if let Ok(Some(chunk)) = &chunk {
            self.position += chunk.len();
        }
        // A rendering that was read or cut off is freed at once, not when the connection ends.
        if !matches!(chunk, Ok(Some(_))) || self.position >= self.length {
            self.rendering = None;
        }
        Poll::Ready(chunk.transpose().map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.rendering.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.length - self.position).unwrap_or(u64::MAX))
    }
}

/// Metrics that could not be made, or not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the metrics were not read in time, or a collector of the service's registry panicked")
    }
}

impl std::error::Error for Failed {}

#[cfg(test)]
#[cfg(feature = "prometheus")]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use prometheus::{
        Registry,
        core::{Collector, Desc},
        proto::MetricFamily,
    };
    use std::{
        collections::HashMap,
        sync::atomic::{AtomicUsize, Ordering},
    };

    fn slo() -> Service {
        Service::builder("shop").availability("99.9%").install().unwrap()
    }

    async fn read(body: ScrapeBody) -> Result<String, Failed> {
        let bytes = body.collect().await?.to_bytes();
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn is_fresh_while_few_are_held() {
        let (slo, scrapes) = (slo(), Scrapes::default());
        let mut held = Vec::new();
        for operation in 0..MOST_FRESH {
            slo.start(&operation.to_string()).good();
            held.push(scrapes.body(&slo, Format::Text).await.unwrap());
        }
        for (operation, body) in held.into_iter().enumerate() {
            assert!(read(body).await.unwrap().contains(&format!("{{operation=\"{operation}\"}} 1")));
        }
    }

    #[tokio::test]
    async fn shares_one_among_many_who_do_not_read() {
        let (slo, scrapes) = (slo(), Scrapes::default());
        let mut held = Vec::new();
        for _ in 0..300 {
            held.push(scrapes.body(&slo, Format::Text).await.unwrap());
        }
        let different = scrapes.held.lock().await.len();
        assert_eq!(different, MOST_FRESH);
        for body in held {
            assert_eq!(u64::try_from(body.length).unwrap(), body.size_hint().exact().unwrap());
            assert!(read(body).await.unwrap().contains("slo_objective_ratio"));
        }
        // Nobody reads any more: it is fresh again.
        slo.start("later").good();
        let body = scrapes.body(&slo, Format::Text).await.unwrap();
        assert!(read(body).await.unwrap().contains(r#"{operation="later"} 1"#));
    }

    /// A metric that takes its time, and knows how many ask for it at once.
    #[derive(Clone, Default)]
    struct Slow(Arc<[AtomicUsize; 2]>, Vec<Desc>);

    impl Collector for Slow {
        fn desc(&self) -> Vec<&Desc> {
            self.1.iter().collect()
        }

        fn collect(&self) -> Vec<MetricFamily> {
            let [now, most] = &*self.0;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            Vec::new()
        }
    }

    #[tokio::test]
    async fn one_is_made_at_a_time_whoever_goes_away() {
        let description = Desc::new("slow".to_owned(), "Slow.".to_owned(), vec![], HashMap::new()).unwrap();
        let (slow, registry) = (Slow(Arc::default(), vec![description]), Registry::new());
        registry.register(Box::new(slow.clone())).unwrap();
        let slo = Service::builder("shop").availability("99.9%").registry(registry).install().unwrap();
        let scrapes = Scrapes::default();
        for _ in 0..20 {
            // As a client that closes at once.
            let _left =
                tokio::time::timeout(Duration::from_millis(1), scrapes.body(&slo, Format::Text)).await;
        }
        let body = scrapes.body(&slo, Format::Text).await.unwrap();
        assert!(read(body).await.unwrap().contains("slo_objective_ratio"));
        assert_eq!(slow.0[1].load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn cuts_off_who_reads_the_oldest() {
        let (slo, scrapes) = (slo(), Scrapes::default());
        let mut held = Vec::new();
        for _ in 0..MOST + 2 {
            held.push(scrapes.body(&slo, Format::Text).await.unwrap());
            // As though seconds had passed.
            for one in scrapes.held.lock().await.iter_mut() {
                one.made -= LONGEST_SHARED;
            }
        }
        let mut read_to_the_end = Vec::new();
        for body in held {
            read_to_the_end.push(read(body).await.is_ok());
        }
        let (cut_off, kept) = read_to_the_end.split_at(2);
        assert_eq!((cut_off, kept), (&[false; 2][..], &[true; MOST][..]));
    }
}

//! Work that is no request is counted once, whatever becomes of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use slo_instrument::{Events, Service};
use std::time::Duration;

#[tokio::test]
async fn an_operation_is_what_becomes_of_it() {
    let slo =
        Service::builder("a").counting(Events::operation("job")).availability("99%").latency("10s", "99%");
    let slo = slo.install().unwrap();
    slo.start("job").good();
    slo.start("job").bad("declined");
    slo.start("job").bad("");
    slo.start("job").ignore();
    slo.start("").good();
    // As `?` leaves one, however soon.
    drop(slo.start("job"));
    let panics = async {
        let _job = slo.start("job");
        panic!("on purpose");
    };
    std::panic::AssertUnwindSafe(panics).catch().await;
    let never = slo.track("job", std::future::pending::<Result<(), ()>>());
    tokio::time::timeout(Duration::from_millis(1), never).await.unwrap_err();
    let name = "slo_operation_duration_seconds_count";
    let metrics = slo.metrics();
    let lines: Vec<&str> = metrics.lines().filter_map(|line| line.strip_prefix(name)).collect();
    assert_eq!(
        lines,
        [
            r#"{operation="_OTHER"} 1"#,
            r#"{operation="job"} 1"#,
            // The SLO names the operation: its first failure is to be seen.
            r#"{error_type="error",operation="job"} 0"#,
            r#"{error_type="declined",operation="job"} 1"#,
            r#"{error_type="_OTHER",operation="job"} 1"#,
            r#"{error_type="cancelled",operation="job"} 2"#,
            r#"{error_type="panic",operation="job"} 1"#,
        ]
    );
    assert!(metrics.contains(r#"slo_ignored_events_total{operation="job",reason="excluded"} 1"#));
}

/// A future's panics.
trait Catch: Future + Sized {
    async fn catch(self) {
        let mut future = Box::pin(self);
        std::future::poll_fn(|context| {
            let poll = std::panic::AssertUnwindSafe(|| future.as_mut().poll(context).is_ready());
            std::task::Poll::Ready(std::panic::catch_unwind(poll).unwrap_err())
        })
        .await;
    }
}

impl<F: Future> Catch for std::panic::AssertUnwindSafe<F> {}

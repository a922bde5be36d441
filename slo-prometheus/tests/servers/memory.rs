//! Of an answer, no more is kept than what is asked for.

use crate::server::Server;
use slo_core::model::{Timestamp, Window};
use slo_prometheus::{Client, Labels, Settings, Steps};
use std::io::Write as _;

/// Ten megabytes, of one series.
#[test]
fn numbers_are_handed_on_and_forgotten() {
    const POINTS: usize = 400_000;
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"success\",\"data\":{\"result\":[{\"metric\":{\"a\":\"b\"},\"values\":[[1,\"1\"]",
        );
        let points: Vec<String> = (2..=POINTS).map(|second| format!("[{second},\"{second}.5\"]")).collect();
        let points = format!(",{}", points.join(","));
        let _ = stream.write_all(points.as_bytes()).and_then(|()| stream.write_all(b"]}]}}"));
    });
    let client = Client::new(&server.url(), Settings::default()).unwrap();
    let steps = Steps { start: Timestamp::EPOCH, step: Window::seconds(1), count: 10_000 };
    let (mut seen, mut sum) = (0, 0.0);
    let used = allocation_counter::measure(|| {
        let point = |_: &Labels, _, value: f64| {
            seen += 1;
            sum += value;
        };
        client.range("a", steps, point).unwrap();
    });
    assert_eq!(seen, 10_000);
    assert!((sum - 50_009_999.5).abs() < 1e-6, "{sum}");
    assert!(used.bytes_max < 2 << 20, "{} bytes at once", used.bytes_max);
}

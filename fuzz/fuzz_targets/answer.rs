//! Whatever a server answers: a question to it ends, within its limits, with points that have their place or with an error
//! that holds no control characters and no secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slo_core::model::{Timestamp, Window};
use slo_prometheus::{Client, Settings, Steps};
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

const SECRET: &str = "p4ssw0rd";
const STEPS: Steps = Steps { start: Timestamp::EPOCH, step: Window::minutes(1), count: 5 };

/// What the server sends next, and where it is.
static SERVER: LazyLock<(Arc<Mutex<Vec<u8>>>, String)> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://me:{SECRET}@{}", listener.local_addr().expect("it is bound"));
    let answer = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::clone(&answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            // A question by its address has no body.
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(read) if read > 0 => request.extend_from_slice(&piece[..read]),
                    _ => break,
                }
            }
            let answer = sent.lock().expect("nobody panics with it").clone();
            // A client that has seen enough hangs up.
            let _ = stream.write_all(&answer);
        }
    });
    (answer, url)
});

fuzz_target!(|data: &[u8]| {
    let (answer, url) = &*SERVER;
    let Some((kind, body)) = data.split_first() else { return };
    *answer.lock().expect("nobody panics with it") = match kind % 4 {
        // All of it is the server's, from its first byte on.
        0 => body.to_vec(),
        kind => {
            let status = ["200 OK", "200 OK", "422 Unprocessable", "503 Unavailable"][usize::from(kind)];
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            [head.as_bytes(), body].concat()
        }
    };
    let settings = Settings { timeout: Duration::from_millis(500), longest: 4_096, most_series: 3, ..Settings::default() };
    let client = Client::new(url, settings).expect("an address");
    let errors = [
        client.query("up").err(),
        client.range("up", STEPS, |_, index, _| assert!(index < STEPS.count)).err(),
    ];
    for error in errors.into_iter().flatten() {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(!error.to_string().chars().any(|c| c.is_control()), "{error:?}");
    }
});

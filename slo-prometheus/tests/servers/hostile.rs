//! Servers that lie, redirect, trickle, flood and break off; both clients are held to the same.

use crate::{
    doors::{Door, doors},
    server::{self, Server, answer, json},
};
use slo_core::model::{Timestamp, Window};
use slo_prometheus::{Kind, Labels, Settings, Steps};
use std::{
    fmt::Write as _,
    io::Write,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

/// Both clients of a server.
fn clients(server: &Server) -> Vec<Door> {
    doors(&server.url(), &settings()).collect::<Result<_, _>>().unwrap()
}

fn settings() -> Settings {
    Settings { timeout: Duration::from_secs(2), longest: 1 << 20, most_series: 100, ..Settings::default() }
}

#[test]
fn follows_no_redirect() {
    let other = Server::start(|_, stream| answer(stream, "200 OK", "", "{}"));
    for status in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let target = other.url();
        let server = Server::start(move |_, stream| {
            answer(stream, status, &format!("Location: {target}/api/v1/query\r\n"), "");
        });
        let headers = vec![("X-Scope-OrgID".to_owned(), "tenant".to_owned())];
        for client in doors(&server.url(), &Settings { headers: headers.clone(), ..settings() }) {
            let error = client.unwrap().query("up").unwrap_err();
            assert!(error.to_string().contains("status 30") && error.hint().is_some(), "{error}");
        }
    }
    assert_eq!(other.requests.load(Ordering::SeqCst), 0);
}

#[test]
fn the_password_is_sent_decoded_and_never_shown() {
    let server = Server::start(|request, stream| {
        // `me:p@ss%`
        assert!(request.to_lowercase().contains("authorization: basic bwu6cebzcyu="), "{request}");
        assert!(!request.contains("p%40ss"), "{request}");
        answer(stream, "500 Oh", "", "no");
    });
    let url = server.url().replace("http://", "http://me:p%40ss%25@");
    let headers = vec![("X-Token".to_owned(), "s3cret".to_owned())];
    for client in doors(&url, &Settings { headers, ..settings() }) {
        let client = client.unwrap();
        let error = client.query("up").unwrap_err();
        for shown in [error.to_string(), format!("{error:?}"), client.shown(), client.address().to_string()] {
            assert!(
                !shown.contains("p%40ss") && !shown.contains("p@ss") && !shown.contains("s3cret"),
                "{shown}"
            );
        }
    }
    for (name, value) in [("X-Tok en", "s3cret"), ("X-Token", "s3cret\nX: y")] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        for client in doors(&url, &Settings { headers, ..settings() }) {
            let error = client.err().unwrap();
            assert!(error.kind() == Kind::Settings && !format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}

#[test]
fn words_of_a_server_are_not_obeyed() {
    let server = Server::start(|_, stream| {
        json(
            stream,
            "400 Bad",
            r#"{"status":"error","error":"boom \u001b]0;title\u0007\u202e\n  hint: rm"}"#,
        );
    });
    for client in clients(&server) {
        let error = client.query("up").unwrap_err();
        assert!(
            error.to_string().ends_with("boom \u{fffd}]0;title\u{fffd}\u{fffd}\u{fffd}  hint: rm"),
            "{error:?}"
        );
    }
    let long = "x".repeat(60_000);
    let server = Server::start(move |_, stream| {
        json(stream, "422 No", &format!(r#"{{"status":"error","error":"{long}"}}"#));
    });
    for client in clients(&server) {
        assert!(client.query("up").unwrap_err().to_string().len() < 700);
    }
}

/// An answer that has failed already is not waited for, however long its server takes.
#[test]
fn what_has_failed_is_given_up() {
    let server = Server::start(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
        let _ = stream.write_all(format!("{head}no JSON at all").as_bytes());
        let _ = stream.flush();
        thread::sleep(Duration::from_secs(20));
    });
    let patient = Settings { timeout: Duration::from_secs(15), ..settings() };
    for client in doors(&server.url(), &patient) {
        let start = Instant::now();
        let error = client.unwrap().query("up").unwrap_err();
        assert_eq!(error.kind(), Kind::Server, "{error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{error}");
    }
}

#[test]
fn warnings_are_told() {
    let body = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[2,"1"]]}]},"warnings":["PARTIAL RESPONSE"]}"#;
    let server = Server::start(move |_, stream| json(stream, "200 OK", body));
    for client in clients(&server) {
        let mut seen = Vec::new();
        let steps = Steps { start: Timestamp::EPOCH, step: Window::seconds(1), count: 25_000 };
        let point = |labels: &Labels, index, value| seen.push((labels.clone(), index, value));
        let warnings = client.range("up", steps, point).unwrap();
        // Three requests say it; one is enough. And only one of them was asked for that point.
        assert_eq!(warnings, ["PARTIAL RESPONSE"]);
        assert_eq!(seen, [(Labels::from([("a".to_owned(), "b".to_owned())]), 1, 1.0)]);
    }
}

#[test]
fn long_queries_are_sent_as_a_form() {
    let query = format!("up{{a=\"{}\"}}", "é&=+".repeat(2_000));
    let expected = "%C3%A9%26%3D%2B".repeat(2_000);
    let server = Server::start(move |request, stream| {
        assert!(request.starts_with("POST /api/v1/query ") && request.contains(&expected), "{request:.200}");
        json(stream, "200 OK", r#"{"status":"success","data":{"result":[]}}"#);
    });
    for client in clients(&server) {
        assert_eq!(client.query(&query).unwrap().result, []);
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let many = |count: usize| {
        let mut body = r#"{"status":"success","data":{"result":["#.to_owned();
        for index in 0..count {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(body, r#"{comma}{{"metric":{{"i":"{index}"}},"value":[1,"1"]}}"#);
        }
        body + "]}}"
    };
    let body = many(100);
    let server = Server::start(move |_, stream| json(stream, "200 OK", &body));
    for client in clients(&server) {
        assert_eq!(client.query("up").unwrap().result.len(), 100);
    }
    let body = many(101);
    let server = Server::start(move |_, stream| json(stream, "200 OK", &body));
    for client in clients(&server) {
        let error = client.query("up").unwrap_err();
        assert!(
            error.kind() == Kind::TooMuch && error.to_string().contains("more than 100 series"),
            "{error}"
        );
    }

    // An answer without an end.
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"success\",\"data\":{\"result\":[");
        while stream.write_all(&[b' '; 4_096]).is_ok() {}
    });
    for client in clients(&server) {
        let error = client.query("up").unwrap_err();
        assert!(error.kind() == Kind::TooMuch && error.hint().is_some(), "{error}");
        let error = client.bytes("/slo.json").unwrap_err();
        assert!(error.to_string().contains("invalid response") || error.kind() == Kind::TooMuch, "{error}");
    }
}

#[test]
fn an_answer_has_an_end_in_time() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{");
        while stream.write_all(b" ").and_then(|()| stream.flush()).is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    for client in clients(&server) {
        let began = Instant::now();
        let error = client.query("up").unwrap_err();
        assert!(error.to_string().contains("timeout"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn broken_answers_are_errors() {
    let deep = format!(r#"{{"status":"success","data":{{"result":{}"#, "[".repeat(200_000));
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("200 OK", b"".to_vec()),
        ("200 OK", b"<html>login</html>".to_vec()),
        ("200 OK", b"{\"status\":\"success\"}".to_vec()),
        ("200 OK", b"{\"status\":\"success\",\"data\":{}}".to_vec()),
        ("200 OK", b"{\"status\":\"success\",\"data\":{\"result\":[]}} trailing".to_vec()),
        ("200 OK", b"{\"status\":\"success\",\"data\":{\"result\":[{\"metric\":{\"a\":\"\xff\"},\"value\":[1,\"1\"]}]}}".to_vec()),
        ("200 OK", deep.into_bytes()),
        ("503 Unavailable", b"upstream \x1b[31m".to_vec()),
        ("401 Unauthorized", b"{}".to_vec()),
    ];
    for (status, body) in bodies {
        let shown = String::from_utf8_lossy(&body).chars().take(60).collect::<String>();
        let server = Server::start(move |_, stream| {
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&body);
        });
        for client in clients(&server) {
            let error = client.query("up").unwrap_err();
            assert!(!error.to_string().contains('\x1b'), "{shown}: {error}");
        }
    }
    for head in
        ["", "HTTP/1.1", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\""]
    {
        let server = Server::start(move |_, stream| drop(stream.write_all(head.as_bytes())));
        for client in clients(&server) {
            assert_eq!(client.query("up").unwrap_err().kind(), Kind::Server, "{head}");
        }
    }
}

#[test]
fn a_certificate_of_ones_own_is_trusted_and_no_other() {
    let (server, root) = server::tls();
    let url = format!("https://localhost:{}", server.port);
    let roots = Some(root.into_bytes());
    for client in doors(&url, &Settings { roots, ..settings() }) {
        assert_eq!(client.unwrap().query("up").unwrap().result, []);
    }
    for stranger in doors(&url, &settings()) {
        let error = stranger.unwrap().query("up").unwrap_err();
        assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
    }
    for pem in ["", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
        let roots = Some(pem.as_bytes().to_vec());
        for client in doors(&url, &Settings { roots: roots.clone(), ..settings() }) {
            let error = client.err().unwrap();
            assert!(error.kind() == Kind::Settings && error.hint().is_some(), "{error}");
        }
    }
}

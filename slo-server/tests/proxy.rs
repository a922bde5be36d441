//! The proxy: bytes in order and none lost, faults as asked, and leases that end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use slo_ops::experiment::{Toxic, read_toxic};
use slo_server::fault::{Proxy, ProxyHandle, serve_control};
use std::{
    io::ErrorKind,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const LONG: Duration = Duration::from_secs(10);

fn toxic(text: &str) -> Toxic {
    read_toxic(text).unwrap().0
}

/// A proxy before a server that sends back what it gets, and ends when the client does.
async fn echo() -> (SocketAddr, ProxyHandle, watch::Sender<bool>) {
    let server = TcpListener::bind(LOCAL).await.unwrap();
    let upstream = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _cut = tokio::io::copy(&mut from, &mut to).await;
                let _gone = to.shutdown().await;
            });
        }
    });
    let proxy = Proxy::bind(LOCAL, upstream).await.unwrap();
    let (address, handle) = (proxy.address().unwrap(), proxy.handle());
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(proxy.run(stopped));
    (address, handle, stop)
}

/// How long a byte takes there and back.
async fn round_trip(stream: &mut TcpStream) -> Duration {
    let begin = Instant::now();
    stream.write_all(b"x").await.unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).await.unwrap();
    begin.elapsed()
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

#[derive(Debug, Clone)]
enum Change {
    Arm(&'static str),
    Disarm,
    Wait(u8),
}

fn change() -> impl Strategy<Value = Change> {
    let faults = prop_oneof![
        Just("{latency: 3ms, jitter: 3ms}"),
        Just("{latency: 1ms}"),
        Just("{bandwidth: 8MiB}"),
        Just("{black_hole: true}"),
        Just("{latency: 2ms, bandwidth: 32MiB, share: 50%, seed: 3}"),
    ];
    prop_oneof![faults.prop_map(Change::Arm), Just(Change::Disarm), (0..4_u8).prop_map(Change::Wait)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to the connection meanwhile, what was sent arrives: all of it, in order, and then the end.
    #[test]
    fn no_byte_is_lost_or_overtaken(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40_000), 1..12),
        changes in proptest::collection::vec(change(), 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sent = pieces.concat();
        let received = runtime.block_on(async {
            let (address, handle, _stop) = echo().await;
            let (mut from, mut to) = connect(address).await.into_split();
            let disturb = async {
                for change in changes {
                    match change {
                        Change::Arm(text) => handle.arm(toxic(text), None),
                        Change::Disarm => handle.disarm(),
                        Change::Wait(millis) => sleep(Duration::from_millis(millis.into())).await,
                    }
                }
                handle.disarm();
            };
            let send = async {
                for piece in &pieces {
                    to.write_all(piece).await.unwrap();
                }
                to.shutdown().await.unwrap();
            };
            let mut received = Vec::new();
            let receive = from.read_to_end(&mut received);
            let ((), (), read) = timeout(LONG, async { tokio::join!(disturb, send, receive) }).await.unwrap();
            read.unwrap();
            assert_eq!(handle.state().passed, 2 * received.len() as u64);
            received
        });
        prop_assert_eq!(received.len(), sent.len());
        prop_assert!(received == sent, "the bytes differ");
    }
}

#[tokio::test]
async fn answers_come_later_by_the_latency_of_both_ways() {
    let (address, handle, _stop) = echo().await;
    let mut stream = connect(address).await;
    round_trip(&mut stream).await;
    handle.arm(toxic("{latency: 40ms}"), None);
    for _ in 0..5 {
        let took = round_trip(&mut stream).await;
        assert!(took >= Duration::from_millis(79), "{took:?}");
    }
    handle.disarm();
    let mut fastest = LONG;
    for _ in 0..20 {
        fastest = fastest.min(round_trip(&mut stream).await);
    }
    assert!(fastest < Duration::from_millis(20), "{fastest:?}");
}

#[tokio::test]
async fn a_bandwidth_is_kept() {
    let (address, handle, _stop) = echo().await;
    handle.arm(toxic("{bandwidth: 256KiB}"), None);
    let (mut from, mut to) = connect(address).await.into_split();
    let begin = Instant::now();
    let sending = tokio::spawn(async move {
        to.write_all(&vec![7; 128 << 10]).await.unwrap();
        to
    });
    let mut bytes = vec![0; 128 << 10];
    from.read_exact(&mut bytes).await.unwrap();
    let took = begin.elapsed().as_secs_f64();
    assert!(took > 0.45, "{took} s for half of what passes in a second");
    sending.await.unwrap();
}

#[tokio::test]
async fn a_black_hole_keeps_what_it_swallows() {
    let (address, handle, _stop) = echo().await;
    let mut stream = connect(address).await;
    round_trip(&mut stream).await;
    handle.arm(toxic("{black_hole: true}"), None);
    stream.write_all(b"late").await.unwrap();
    let mut answer = [0; 4];
    assert!(timeout(Duration::from_millis(100), stream.read_exact(&mut answer)).await.is_err());
    handle.disarm();
    timeout(LONG, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"late");
}

#[tokio::test]
async fn a_reset_is_one() {
    let (address, handle, _stop) = echo().await;
    let mut open = connect(address).await;
    round_trip(&mut open).await;
    handle.arm(toxic("{reset: true}"), None);
    let ended = timeout(LONG, open.read(&mut [0])).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut new = connect(address).await;
    let ended = timeout(LONG, new.read(&mut [0])).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    handle.disarm();
    round_trip(&mut connect(address).await).await;
}

#[tokio::test]
async fn an_upstream_that_is_away_resets() {
    let upstream = TcpListener::bind(LOCAL).await.unwrap().local_addr().unwrap();
    let proxy = Proxy::bind(LOCAL, upstream.to_string()).await.unwrap();
    let address = proxy.address().unwrap();
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(proxy.run(stopped));
    let ended = timeout(LONG, connect(address).await.read(&mut [0])).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_lease_that_nobody_renews_ends() {
    let (address, handle, _stop) = echo().await;
    let slow = toxic("{latency: 50ms}");
    handle.arm(slow.clone(), Some("300ms".parse().unwrap()));
    let mut stream = connect(address).await;
    for _ in 0..4 {
        sleep(Duration::from_millis(150)).await;
        handle.arm(slow.clone(), Some("300ms".parse().unwrap()));
    }
    assert_eq!(handle.state().toxic, Some(slow));
    let undone = async {
        while handle.state().toxic.is_some() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, undone).await.unwrap();
    assert!(round_trip(&mut stream).await < Duration::from_millis(50));
}

/// A request by hand: its status, and its body.
async fn ask(control: SocketAddr, method: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = connect(control).await;
    let length = body.len();
    let request = format!(
        "{method} /toxic HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn programs_change_faults_by_a_lease() {
    let (_address, handle, _stop) = echo().await;
    let control = serve_control(LOCAL, handle.clone(), None).await.unwrap();
    let host = format!("Host: {control}\r\n");
    let (status, body) = ask(control, "PUT", &host, r#"{"latency": "5ms"}"#).await;
    assert!(status == 400 && body.contains("`lease` is missing"), "{status} {body}");
    let (status, body) = ask(control, "PUT", &host, r#"{"latncy": "5ms", "lease": "30s"}"#).await;
    assert!(status == 400 && body.contains("did you mean `latency`?"), "{status} {body}");
    assert_eq!(handle.state().toxic, None);
    let (status, body) =
        ask(control, "PUT", &host, r#"{"latency": "5ms", "share": "50%", "lease": "30s"}"#).await;
    assert_eq!(status, 200);
    let shown: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (shown["toxic"]["latency"].as_str(), shown["toxic"]["share"].as_f64()),
        (Some("5ms"), Some(0.5))
    );
    assert!(shown["lease_seconds"].as_f64().unwrap() > 25.0);
    for headers in ["Host: proxy.example.org\r\n", "Host: localhost\r\nOrigin: http://evil.example.org\r\n"] {
        assert_eq!(ask(control, "DELETE", headers, "").await.0, 401, "{headers}");
    }
    assert!(handle.state().toxic.is_some());
    assert_eq!(ask(control, "DELETE", &host, "").await.0, 200);
    assert_eq!(handle.state().toxic, None);
}

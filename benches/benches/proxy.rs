//! What a proxy costs without a fault, and how exact its latency is; `slo proxy` beside a direct connection and Toxiproxy.
//!
//!     cargo build --release -p slo-cli
//!     TOXIPROXY=…/toxiproxy-server cargo bench -p slo-benches --bench proxy
//!
//! `go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0` builds Toxiproxy. Each proxy is a process of its own; both ends are
//! here, on the same machine.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

use std::{
    env, fs,
    net::{SocketAddr, TcpListener as Port},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    task::JoinSet,
    time::sleep,
};

const BULK: usize = 2 << 30;
const PINGS: usize = 20_000;
const CONNECTIONS: usize = 1_000;
const LATENCY: Duration = Duration::from_millis(100);
const ROUNDS: usize = 5;

/// A proxy in a process of its own.
struct Peer {
    name: &'static str,
    address: SocketAddr,
    process: Option<Child>,
    control: SocketAddr,
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ended = process.kill();
            let _reaped = process.wait();
        }
    }
}

impl Peer {
    /// The seconds of processor time that it has taken.
    fn processor(&self) -> f64 {
        let Some(process) = &self.process else { return 0.0 };
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }

    /// How much memory it has now, in MiB.
    fn memory(&self) -> u64 {
        let Some(process) = &self.process else { return 0 };
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
    }

    /// Delays bytes of both directions.
    fn delay(&self) {
        let agent = ureq::agent();
        if self.name == "Toxiproxy" {
            for stream in ["upstream", "downstream"] {
                let toxic = serde_json::json!({"type": "latency", "stream": stream, "attributes": {"latency": LATENCY.as_millis() as u64}});
                let url = format!("http://{}/proxies/bench/toxics", self.control);
                agent.post(url).send(toxic.to_string()).unwrap();
            }
        } else {
            let toxic = serde_json::json!({"latency": format!("{}ms", LATENCY.as_millis()), "lease": "10m"});
            agent.put(format!("http://{}/toxic", self.control)).send(toxic.to_string()).unwrap();
        }
    }
}

fn free() -> SocketAddr {
    Port::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn ours(upstream: SocketAddr) -> Peer {
    let slo = env::var("SLO")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/slo").to_owned());
    let (address, control) = (free(), free());
    let process = Command::new(slo)
        .args(["proxy", "--listen", &address.to_string(), "--upstream", &upstream.to_string()])
        .args(["--control", &control.to_string()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Peer { name: "slo proxy", address, process: Some(process), control }
}

fn toxiproxy(server: &str, upstream: SocketAddr) -> Peer {
    let (address, control) = (free(), free());
    let process = Command::new(server)
        .args(["-host", "127.0.0.1", "-port", &control.port().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .env("LOG_LEVEL", "error")
        .spawn()
        .unwrap();
    let peer = Peer { name: "Toxiproxy", address, process: Some(process), control };
    let proxy = serde_json::json!({"name": "bench", "listen": address.to_string(), "upstream": upstream.to_string(), "enabled": true});
    for _ in 0..50 {
        std::thread::sleep(Duration::from_millis(100));
        if ureq::agent().post(format!("http://{control}/proxies")).send(proxy.to_string()).is_ok() {
            return peer;
        }
    }
    panic!("Toxiproxy does not answer");
}

/// A server that sends back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut bytes = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    if stream.write_all(&bytes[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// A server that sends `BULK` bytes to whoever connects.
async fn source() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let bytes = vec![7; 256 << 10];
                for _ in 0..BULK / bytes.len() {
                    if stream.write_all(&bytes).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

async fn connect(address: SocketAddr) -> TcpStream {
    for _ in 0..100 {
        if let Ok(stream) = TcpStream::connect(address).await {
            stream.set_nodelay(true).unwrap();
            return stream;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{address} does not answer");
}

async fn round_trip(stream: &mut TcpStream) -> Duration {
    let begin = Instant::now();
    stream.write_all(b"x").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    begin.elapsed()
}

/// GiB a second of one connection.
async fn bulk(address: SocketAddr) -> f64 {
    let mut stream = connect(address).await;
    let mut bytes = vec![0; 256 << 10];
    let (begin, mut left) = (Instant::now(), BULK);
    while left > 0 {
        left -= stream.read(&mut bytes).await.unwrap();
    }
    BULK as f64 / (1_u64 << 30) as f64 / begin.elapsed().as_secs_f64()
}

/// Round trips of one connection, in microseconds: the median and the 99th percentile.
async fn pings(address: SocketAddr) -> (f64, f64) {
    let mut stream = connect(address).await;
    let mut took = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        took.push(round_trip(&mut stream).await.as_secs_f64() * 1e6);
    }
    took.sort_by(f64::total_cmp);
    (took[PINGS / 2], took[PINGS * 99 / 100])
}

/// How much too late a byte is at each of many connections, for one direction, in milliseconds: the 1st, 50th and 99th percentile.
async fn exactness(address: SocketAddr) -> (f64, f64, f64) {
    let mut connections = JoinSet::new();
    for number in 0..CONNECTIONS {
        connections.spawn(async move {
            let mut stream = connect(address).await;
            let mut late = Vec::new();
            // Connections are made at once, which takes a while.
            round_trip(&mut stream).await;
            // Spread over a tenth of a second, as clients are.
            sleep(Duration::from_micros(100 * number as u64)).await;
            for _ in 0..ROUNDS {
                let took = round_trip(&mut stream).await.as_secs_f64();
                late.push((took - 2.0 * LATENCY.as_secs_f64()) / 2.0 * 1e3);
            }
            late
        });
    }
    let mut late = Vec::new();
    while let Some(of_one) = connections.join_next().await {
        late.extend(of_one.unwrap());
    }
    late.sort_by(f64::total_cmp);
    (late[late.len() / 100], late[late.len() / 2], late[late.len() * 99 / 100])
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let toxic = env::var("TOXIPROXY").ok();
    let peers = |upstream: SocketAddr| {
        let direct = Peer { name: "direct", address: upstream, process: None, control: upstream };
        let mut peers = vec![direct, ours(upstream)];
        peers.extend(toxic.iter().map(|server| toxiproxy(server, upstream)));
        peers
    };
    println!("| | GiB/s, one connection | processor s per GiB | round trip p50, p99 in µs |");
    println!("|---|---|---|---|");
    let (source, echo) = runtime.block_on(async { (source().await, echo().await) });
    let (sources, echoes) = (peers(source), peers(echo));
    for (of_source, of_echo) in sources.iter().zip(&echoes) {
        runtime.block_on(connect(of_source.address));
        let before = of_source.processor();
        let throughput = (0..3).map(|_| runtime.block_on(bulk(of_source.address))).fold(0.0, f64::max);
        let processor = (of_source.processor() - before) / (3.0 * BULK as f64 / (1_u64 << 30) as f64);
        let (median, late) = runtime.block_on(pings(of_echo.address));
        println!("| {} | {throughput:.2} | {processor:.2} | {median:.0}, {late:.0} |", of_source.name);
    }
    println!(
        "\n| {CONNECTIONS} connections, {} ms each way | late by p1, p50, p99 in ms | memory in MiB |",
        LATENCY.as_millis()
    );
    println!("|---|---|---|");
    for peer in &echoes[1..] {
        peer.delay();
        let (first, median, last) = runtime.block_on(exactness(peer.address));
        println!("| {} | {first:.2}, {median:.2}, {last:.2} | {} |", peer.name, peer.memory());
    }
}

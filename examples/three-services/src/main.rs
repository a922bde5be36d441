//! Checkout, search and login: three services in one program, with live error budgets.
//!
//! A load generator sends them the traffic of a day; faults can be switched on by a flag or over HTTP.
//! The SLOs are in `slo.yaml`, from which `slo generate` makes the Prometheus rules.

mod args;
mod control;
mod faults;
mod load;
mod monitoring;
mod service;
mod storm;
mod table;

use args::Args;
use clap::Parser;
use load::Load;
use monitoring::Monitoring;
use service::App;
use slo_instrument::Service;
use std::{error::Error, io::Write, net::Ipv4Addr, process::ExitCode, sync::Arc, time::Duration};
use storm::{Begun, Storm};
use tokio::{net::TcpListener, sync::watch, time::Instant};

const SPEC: &str = include_str!("../slo.yaml");

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let begun = Begun::default();
    let apps = service::all(args.time_scale, &begun)?;
    faults::schedule(&apps, start, &args.outage, &args.slow);
    let apps = Arc::new(apps);
    let storm = args.storm.map(|requests| Arc::new(Storm::new(&apps, args.port, begun, requests)));
    let load = Arc::new(Load::new(&apps, args.port, args.time_scale, start, !args.idle && storm.is_none()));

    let (stop, stopped) = watch::channel(false);
    let control = control::router(apps.clone(), &load, storm.clone()).merge(monitoring::router());
    let mut servers = vec![serve(args.port, control, stopped.clone()).await?];
    for (port, app) in (args.port + 1..).zip(apps.iter()) {
        servers.push(serve(port, app.router.clone(), stopped.clone()).await?);
    }
    announce(args, &apps);
    let monitoring = args.prometheus.then(|| Monitoring::start(args)).transpose()?;
    if let Some(monitoring) = &monitoring {
        monitoring.announce();
    }
    if let Some(storm) = &storm {
        // A thousand panics would fill the screen.
        std::panic::set_hook(Box::new(|_| {}));
        storm.run().await;
    }
    let traffic = tokio::spawn(Arc::clone(&load).run());

    let slos: Vec<Service> = apps.iter().map(|app| app.slo.clone()).collect();
    tokio::select! {
        () = table::show(&slos) => {}
        () = told_to_end() => {}
        () = elapse(args.duration) => {}
    }
    load.stop();
    load.drain().await;
    traffic.abort();
    // The budgets are updated ten times a second, or once a second: wait for the last request.
    tokio::time::sleep(if args.time_scale == 1 {
        Duration::from_millis(1_100)
    } else {
        Duration::from_millis(250)
    })
    .await;
    table::print(&slos)?;
    let agree = match &storm {
        Some(storm) => storm.compare(&slos).await,
        None => load.compare(&slos),
    };
    stop.send(true)?;
    for server in servers {
        server.await??;
    }
    if agree { Ok(()) } else { Err("the services and their clients counted different numbers".into()) }
}

type Server = tokio::task::JoinHandle<std::io::Result<()>>;

/// Serves `router` on loopback until `stopped`.
async fn serve(
    port: u16,
    router: axum::Router,
    mut stopped: watch::Receiver<bool>,
) -> Result<Server, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| format!("port {port} on loopback: {error}; choose others with --port"))?;
    Ok(tokio::spawn(async move {
        let stop = async move {
            let _sender_gone = stopped.wait_for(|stopped| *stopped).await;
        };
        axum::serve(listener, router).with_graceful_shutdown(stop).await
    }))
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _interrupted = tokio::signal::ctrl_c().await;
}

async fn elapse(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::print_stdout, reason = "this program talks to its user")]
fn announce(args: &Args, apps: &[App]) {
    let port = args.port;
    println!("Status page  http://127.0.0.1:{port}/slo");
    for (port, app) in (port + 1..).zip(apps) {
        println!("{:<12} http://127.0.0.1:{port}/metrics", app.name);
    }
    println!("Break it     curl -X POST 'http://127.0.0.1:{port}/faults/checkout/outage?for=15s'");
    if args.time_scale > 1 {
        println!(
            "Budget time runs {} times faster: at 60, one real minute counts as one hour of budget.",
            args.time_scale
        );
    }
    println!();
}

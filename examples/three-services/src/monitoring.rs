//! Prometheus and Alertmanager for the services, with files generated from the spec.

use crate::{SPEC, args::Args, service::NAMES};
use axum::{Json, Router, routing::post};
use serde::Deserialize;
use slo_core::{
    artifact::{self, Routing},
    model::Service,
    rules::{self, Options},
    spec,
};
use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// The running programs and their folder; dropping it ends the programs and removes the folder.
pub(crate) struct Monitoring {
    folder: TempDir,
    children: Vec<Child>,
    prometheus: u16,
    alertmanager: u16,
}

impl Monitoring {
    /// Writes rules, dashboards and configurations, and starts both programs on the ports after those of the services.
    pub(crate) fn start(args: &Args) -> Result<Self, Box<dyn Error>> {
        let prometheus = installed(&["prometheus"], "prometheus")?;
        let alertmanager =
            installed(&["alertmanager", "prometheus-alertmanager"], "prometheus-alertmanager")?;
        let folder = tempfile::Builder::new().prefix("three-services-").tempdir()?;
        let first = args.port + 1 + u16::try_from(NAMES.len())?;
        let mut this = Self { folder, children: Vec::new(), prometheus: first, alertmanager: first + 1 };
        let root = this.folder.path().to_owned();
        let services = spec::parse(SPEC).map_err(|found| found.to_string())?;
        this.write(args, &services)?;
        // Alertmanager first: Prometheus resends an alert only once a minute.
        let listen = |port: u16| format!("--web.listen-address=127.0.0.1:{port}");
        this.run(
            &alertmanager,
            &[
                format!("--config.file={}", root.join("alertmanager.yml").display()),
                format!("--storage.path={}", root.join("alertmanager").display()),
                listen(this.alertmanager),
                "--cluster.listen-address=".to_owned(),
            ],
            this.alertmanager,
        )?;
        this.run(
            &prometheus,
            &[
                format!("--config.file={}", root.join("prometheus.yml").display()),
                format!("--storage.tsdb.path={}", root.join("tsdb").display()),
                listen(this.prometheus),
            ],
            this.prometheus,
        )?;
        Ok(this)
    }

    fn write(&self, args: &Args, services: &[Service]) -> Result<(), Box<dyn Error>> {
        let root = self.folder.path();
        for folder in ["rules", "dashboards"] {
            fs::create_dir(root.join(folder))?;
        }
        let scaled = services.iter().map(|service| service.time_scaled(args.time_scale));
        let scaled = scaled.collect::<Result<Vec<_>, _>>()?;
        for service in &scaled {
            let groups = rules::generate_with(service, Options::default())?;
            fs::write(root.join(format!("rules/{}.yaml", service.name())), artifact::rule_file(&groups))?;
        }
        for dashboard in artifact::dashboards(&scaled)? {
            fs::write(root.join("dashboards").join(&dashboard.file), format!("{:#}\n", dashboard.json))?;
        }
        let hook = format!("webhook:http://127.0.0.1:{}/notifications", args.port);
        let mut routing = Routing::new(root.join("secrets").display().to_string());
        routing.page.push(hook.parse()?);
        routing.ticket.push(hook.parse()?);
        fs::write(root.join("alertmanager.yml"), artifact::alertmanager(services, &routing)?)?;
        let scrape = 15_000 / u64::from(args.time_scale).max(1);
        let mut config = format!(
            "global: {{scrape_interval: {0}ms, scrape_timeout: {0}ms, evaluation_interval: 15s}}\nrule_files: ['rules/*.yaml']\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{1}']}}]}}]}}\nscrape_configs:\n",
            scrape.max(100),
            self.alertmanager
        );
        for (port, name) in (args.port + 1..).zip(NAMES) {
            writeln!(
                config,
                "  - {{job_name: {name}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}"
            )?;
        }
        fs::write(root.join("prometheus.yml"), config)?;
        Ok(())
    }

    /// Starts a program, and waits until it listens on `port`.
    fn run(&mut self, program: &Path, arguments: &[String], port: u16) -> Result<(), Box<dyn Error>> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_taken(port) {
            return Err(format!(
                "port {port} on loopback is taken, and {name} needs it\n  hint: choose another --port"
            )
            .into());
        }
        let path = self.folder.path().join(format!("{name}.log"));
        let log = fs::File::create(&path)?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        for _ in 0..PATIENCE {
            if let Some(status) = child.try_wait()? {
                let said = fs::read_to_string(&path)?;
                let last = said.lines().last().unwrap_or_default();
                return Err(format!("{} ended at once, {status}: {last}", program.display()).into());
            }
            if is_taken(port) {
                self.children.push(child);
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        child.kill()?;
        Err(format!("{} is not listening on port {port}", program.display()).into())
    }

    /// Prints where to find everything.
    #[expect(clippy::print_stdout, reason = "this program talks to its user")]
    pub(crate) fn announce(&self) {
        let root = self.folder.path().display();
        println!("Prometheus   http://127.0.0.1:{}/alerts (on Debian: /classic/alerts)", self.prometheus);
        println!(
            "Alertmanager http://127.0.0.1:{0}/#/alerts (on Debian: amtool alert --alertmanager.url=http://127.0.0.1:{0})",
            self.alertmanager
        );
        println!(
            "Generated    {root}: rules, dashboards (for Grafana), alertmanager.yml, logs; removed at the end"
        );
        println!("Watch        slo top --service http://127.0.0.1:{}", self.prometheus - 4);
        println!("Notifications from Alertmanager are printed here; tickets come after five minutes.");
        println!();
    }
}

/// How many times to check whether a program is ready, ten times a second.
const PATIENCE: u32 = 300;

/// Whether a program listens on the port.
fn is_taken(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

impl Drop for Monitoring {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

/// The first of some programs that is there.
fn installed(names: &[&str], package: &str) -> Result<PathBuf, String> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let all = names.iter().flat_map(|name| env::split_paths(&paths).map(move |folder| folder.join(name)));
    all.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        format!(
            "{} is not installed, and --prometheus needs it\n  hint: apt-get install {package}",
            names.join(" or ")
        )
    })
}

#[derive(Deserialize)]
struct Notification {
    status: String,
    receiver: String,
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    status: String,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
struct Labels {
    severity: Option<String>,
    burn_tier: Option<String>,
}

#[derive(Deserialize)]
struct Annotations {
    summary: Option<String>,
}

/// Receives notifications of Alertmanager, and prints them.
pub(crate) fn router() -> Router {
    Router::new().route(
        "/notifications",
        post(|Json(notification): Json<Notification>| async move { show(&notification) }),
    )
}

#[expect(clippy::print_stdout, reason = "this program talks to its user")]
fn show(notification: &Notification) {
    println!(">> receiver {}: {}", notification.receiver, notification.status);
    for alert in &notification.alerts {
        let severity = alert.labels.severity.as_deref().unwrap_or("alert");
        let summary = alert.annotations.summary.as_deref().unwrap_or_default();
        let tier = alert.labels.burn_tier.as_deref().map_or_else(String::new, |tier| format!(" ({tier})"));
        println!("   {severity}{tier} {}: {summary}", alert.status);
    }
}

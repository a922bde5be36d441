//! Servers that are killed.

use slo_server::{config::Config, serve::Server};
use std::{
    ffi::OsString,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::sleep};

/// Where a record is, and the servers on it.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) postgres: Option<String>,
    ports: [u16; 2],
}

impl Place {
    fn new(folder: &Path, postgres: Option<String>) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (one, two) = (free(), free());
        let ports = [one, two].map(|listener| listener.local_addr().unwrap().port());
        Self { folder: folder.to_owned(), postgres, ports }
    }

    pub(crate) fn sqlite(folder: &Path) -> Self {
        Self::new(folder, None)
    }

    pub(crate) fn postgres(folder: &Path, url: &str) -> Self {
        Self::new(folder, Some(url.to_owned()))
    }

    pub(crate) fn ports(&self, replicas: usize) -> Vec<u16> {
        self.ports[..replicas].to_vec()
    }

    fn config(&self, replica: usize) -> PathBuf {
        self.folder.join(format!("serve{replica}.yaml"))
    }

    /// Writes the configurations.
    pub(crate) fn write(&self, vendors: u16, replicas: usize) {
        let folder = self.folder.display();
        let exe = std::env::current_exe().unwrap();
        let exe = exe.display();
        fs::write(self.folder.join("pagerduty"), "R0123456789ABCDEF0123456789ABCDE").unwrap();
        fs::write(self.folder.join("slack"), format!("http://127.0.0.1:{vendors}/slack")).unwrap();
        let store = self.postgres.clone().unwrap_or_else(|| "sqlite:slo.db".to_owned());
        for replica in 0..replicas {
            let port = self.ports[replica];
            let text = format!(
                r#"
version: slo-server/v1
listen: 127.0.0.1:{port}
store: "{store}"
notify:
  pagerduty: {{routing_key_file: pagerduty, url: "http://127.0.0.1:{vendors}"}}
  slack: {{webhook_file: slack}}
runbooks:
  storm:
    when: {{labels: {{group: "g[0-9]+"}}}}
    parameters: {{group: {{from: labels.group, pattern: "g[0-9]+"}}}}
    steps:
      - {{name: once, diagnose: {{command: ["{exe}", __note, "{folder}/ran.log", "{{group}}"], writes: ["{folder}"]}}}}
      - {{name: again, diagnose: {{command: [/bin/true], repeatable: true}}}}
      - {{name: remedy, remediate: {{command: ["{exe}", __note, "{folder}/remedied.log", "{{group}}"], writes: ["{folder}"],
         cooldown: 1ms, at_most: 100000/h}}}}
"#
            );
            fs::write(self.config(replica), text).unwrap();
        }
    }
}

/// One server process.
pub(crate) struct Replica {
    child: Child,
}

impl Replica {
    pub(crate) fn start(place: &Place, replica: usize, kill_at: Option<String>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("__serve").arg(place.config(replica)).stdout(Stdio::null());
        if let Some(point) = kill_at {
            command.env("SLO_KILL_AT", point);
        }
        Self { child: command.spawn().unwrap() }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().unwrap();
    }

    /// Whether it comes to its end by itself.
    pub(crate) async fn dies_within(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            sleep(Duration::from_millis(5)).await;
        }
        false
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Serves until it is killed.
#[tokio::main]
pub(crate) async fn serve(config: OsString) {
    let config = Config::load(Path::new(&config)).unwrap_or_else(|faults| panic!("{faults}"));
    let exe = std::env::current_exe().unwrap();
    // The port of one that was just killed may still be in use.
    let server = loop {
        match Server::open(config.clone(), Vec::new(), exe.clone()).await {
            Ok(server) => break server,
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    };
    let (_stop, stopped) = watch::channel(false);
    server.run(stopped).await.unwrap();
}

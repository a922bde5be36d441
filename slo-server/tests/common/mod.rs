//! A PostgreSQL of one's own, in a folder that goes away.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, reason = "of tests")]

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A server of PostgreSQL that ends with this value.
pub(crate) struct PostgresServer {
    folder: TempDir,
    port: u16,
    binaries: PathBuf,
    child: Option<Child>,
}

fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    found.pop().expect("PostgreSQL is missing: `apt-get install postgresql`, which `scripts/setup` does")
}

/// PostgreSQL does not run as root.
fn as_user(program: &PathBuf) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

impl PostgresServer {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if rustix::process::geteuid().is_root() {
            let status = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(status.success());
        }
        let binaries = binaries();
        let data = folder.path().join("data");
        let made = as_user(&binaries.join("initdb"))
            .args(["--auth=trust", "--username=slo", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, port, binaries, child: None };
        server.up();
        server
    }

    /// Starts the server.
    pub(crate) fn up(&mut self) {
        let child = as_user(&self.binaries.join("postgres"))
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c"])
            .arg(format!("unix_socket_directories={}", self.folder.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let end = Instant::now() + Duration::from_secs(30);
        let ready = || {
            let mut ask = Command::new(self.binaries.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status().unwrap().success()
        };
        while !ready() {
            assert!(Instant::now() < end, "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn down(&mut self) {
        let data = self.folder.path().join("data");
        let stopped =
            as_user(&self.binaries.join("pg_ctl")).args(["stop", "-m", "immediate", "-D"]).arg(data).output();
        if let Some(mut child) = self.child.take() {
            if !stopped.is_ok_and(|output| output.status.success()) {
                child.kill().ok();
            }
            child.wait().ok();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://slo@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.down();
    }
}

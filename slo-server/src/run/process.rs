//! A program that runs: its time, its output, and its end.

use super::{
    Enforced, LAUNCH, Limits,
    launch::{NOT_BEGUN, PROBE},
    processes,
    stream::Stream,
    supervise::BY_SIGNAL,
};
use rustix::fs::{Access, access};
use sha2::{Digest, Sha256};
use slo_ops::{
    Error, Redactor,
    incident::{Output, StepOutcome},
    notify::cut,
    runbook::Command,
};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin},
    time::timeout,
};

/// The largest file that a program may write.
const LARGEST_FILE: u64 = 64 << 20;
/// How long a launcher may take to end a program and all that it started.
const TO_END: Duration = Duration::from_secs(5);
/// How long leftover processes may keep the output open after the program has ended.
const AFTER_ITS_END: Duration = Duration::from_secs(1);
/// The most characters of a failed program's last error line in the reason.
const LONGEST_REASON: usize = 300;
/// The most findings of a program.
const MOST_FINDINGS: usize = 20;

/// The input of a program.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "all of it is needed")]
pub struct Input {
    /// The values of its parameters.
    pub values: BTreeMap<String, String>,
    /// The text for its standard input.
    pub stdin: String,
}

/// Runs programs through a launcher.
#[derive(Debug, Clone)]
pub struct Runner {
    launcher: PathBuf,
    redactor: Redactor,
}

/// A launcher and its program, which end when this is dropped: the launcher sees that its standard input is closed.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The session that the launcher leads and the program belongs to.
    session: i32,
}

impl Running {
    /// Gives the program its input. The launcher reads all of it, whatever the program does.
    async fn tell(&mut self, text: &str) {
        if let Some(stdin) = &mut self.stdin {
            let length = (text.len() as u64).to_le_bytes();
            // A launcher that could not start the program does not read.
            let _ended = stdin.write_all(&length).await;
            let _ended = stdin.write_all(text.as_bytes()).await;
        }
    }

    /// Lets the launcher end everything, and kills its session if it does not.
    async fn end(&mut self) {
        self.stdin = None;
        let ended = timeout(TO_END, self.child.wait()).await;
        if matches!(&ended, Ok(Ok(status)) if status.signal().is_none()) {
            return;
        }
        // It was killed, or does not end: its session is killed without it.
        let session = self.session;
        let _ended =
            tokio::task::spawn_blocking(move || processes::end_all(|| processes::of_session(session))).await;
        let _gone = self.child.start_kill();
        let _late = timeout(TO_END, self.child.wait()).await;
    }
}

impl Runner {
    /// A runner that starts programs with `launcher`.
    ///
    /// `launcher` is a binary that calls [`launch`](super::launch).
    #[must_use]
    pub const fn new(launcher: PathBuf, redactor: Redactor) -> Self {
        Self { launcher, redactor }
    }

    /// How far the kernel of this machine enforces limits.
    ///
    /// # Errors
    /// A launcher that does not work.
    pub async fn probe(&self) -> Result<Enforced, Error> {
        let limits = Limits { cpu_seconds: 5, largest_file: LARGEST_FILE, writes: Vec::new() };
        let mut command = tokio::process::Command::new(&self.launcher);
        command.arg(LAUNCH).arg(json(&limits)).arg(PROBE).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        let failed = |why: String| Error::new(format!("{}: {why}", self.launcher.display()));
        let output = timeout(Duration::from_secs(5), command.output()).await;
        let output =
            output.map_err(|_| failed("no answer".to_owned()))?.map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let told = text.trim();
        Enforced::named(told).ok_or_else(|| failed(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Runs a program until it ends or its time is over.
    ///
    /// Every process that it started is killed with it, also when the future is dropped.
    pub async fn run(&self, command: &Command, input: &Input) -> (StepOutcome, Output) {
        match self.try_run(command, input).await {
            Ok(ended) => ended,
            Err(reason) => (StepOutcome::NotStarted { reason: self.clean(&reason) }, Output::default()),
        }
    }

    async fn try_run(&self, command: &Command, input: &Input) -> Result<(StepOutcome, Output), String> {
        let argv = command.filled(&input.values).map_err(|error| error.to_string())?;
        let program = argv.first().ok_or("no program")?;
        access(program.as_str(), Access::EXEC_OK).map_err(|error| format!("{program}: {error}"))?;
        if let Some(expected) = &command.sha256 {
            pinned(program, expected).await?;
        }
        let folder =
            tempfile::Builder::new().prefix("slo-step-").tempdir().map_err(|error| error.to_string())?;
        let mut writes = command.writes.clone();
        writes.push(folder.path().display().to_string());
        let seconds = command.timeout.as_duration().as_secs().saturating_add(1);
        let limits = Limits { cpu_seconds: seconds, largest_file: LARGEST_FILE, writes };
        let mut child = tokio::process::Command::new(&self.launcher);
        child
            .arg(LAUNCH)
            .arg(json(&limits))
            .args(&argv)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")
            .env("LANG", "C.UTF-8")
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in &command.environment {
            if let Some(value) = std::env::var_os(name) {
                child.env(name, value);
            }
        }
        let mut child = child.spawn().map_err(|error| format!("{program}: {error}"))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let session = child.id().map_or(i32::MAX, u32::cast_signed);
        let mut running = Running { child, stdin, session };
        let streams: [Arc<Mutex<Stream>>; 2] = Default::default();
        let [out, err] = streams.clone();
        let mut readers =
            tokio::spawn(async move { tokio::join!(Stream::read(stdout, out), Stream::read(stderr, err)) });
        let ended = timeout(command.timeout.as_duration(), async {
            running.tell(&input.stdin).await;
            running.child.wait().await
        })
        .await;
        running.end().await;
        // A process that could not be killed may keep the output open for ever.
        if timeout(AFTER_ITS_END, &mut readers).await.is_err() {
            readers.abort();
        }
        let [stdout, stderr] =
            streams.map(|stream| stream.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let outcome = match ended {
            Err(_) => StepOutcome::TimedOut,
            Ok(Err(error)) => StepOutcome::Failed { reason: error.to_string() },
            Ok(Ok(status)) if status.success() => StepOutcome::Succeeded,
            Ok(Ok(status)) if status.signal() == Some(NOT_BEGUN.as_raw()) => {
                return Err(stderr.text().trim().to_owned());
            }
            Ok(Ok(status)) => StepOutcome::Failed { reason: self.reason(status, &stderr.text()) },
        };
        Ok((outcome, self.output(&stdout, &stderr)))
    }

    fn clean(&self, text: &str) -> String {
        let lines = self.redactor.redact(text);
        lines.lines().map(|line| slo_core::plain(line).into_owned()).collect::<Vec<_>>().join("\n")
    }

    /// Why a program failed: its exit status, and the last line of its errors.
    fn reason(&self, status: ExitStatus, errors: &str) -> String {
        let last = errors.lines().map(str::trim).rfind(|line| !line.is_empty());
        let Some(last) = last else { return told(status) };
        let last = self.clean(&cut(last, LONGEST_REASON));
        let is_refused = REFUSED.iter().any(|refused| last.contains(refused));
        let hint =
            if is_refused { "; if the step may write there, add the path to its `writes`" } else { "" };
        format!("{}: {last}{hint}", told(status))
    }

    fn output(&self, stdout: &Stream, stderr: &Stream) -> Output {
        let (text, errors) = (self.clean(&stdout.text()), self.clean(&stderr.text()));
        let findings = findings(&stdout.text(), &text);
        let mut output = Output::default();
        output.findings = findings.into_iter().map(|finding| self.clean(&finding)).collect();
        let digest = Sha256::new()
            .chain_update(stdout.hash.clone().finalize())
            .chain_update(stderr.hash.clone().finalize())
            .finalize();
        output.digest = digits(&digest);
        output.cut = stdout.cut || stderr.cut;
        (output.text, output.errors) = (text, errors);
        output
    }
}

/// How a program ended, according to its launcher.
fn told(status: ExitStatus) -> String {
    match status.code() {
        // There are 64 signals.
        Some(code) if (1..=64).contains(&(code - BY_SIGNAL)) => {
            format!("{status} (signal {})", code - BY_SIGNAL)
        }
        _ => status.to_string(),
    }
}

/// Messages of a program that may not write to a file.
const REFUSED: [&str; 2] = ["Permission denied", "Read-only file system"];

fn json(limits: &Limits) -> String {
    serde_json::to_string(limits).unwrap_or_default()
}

/// Checks that a program has the expected SHA-256.
async fn pinned(program: &str, expected: &str) -> Result<(), String> {
    let bytes = tokio::fs::read(program).await.map_err(|error| format!("{program}: {error}"))?;
    let found = digits(&Sha256::digest(bytes));
    if found == expected {
        return Ok(());
    }
    Err(format!("{program}: its SHA-256 is {found}, but the runbook expects {expected}"))
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The findings of a program: `findings` in its JSON output, or the first line of its output.
fn findings(raw: &str, clean: &str) -> Vec<String> {
    let json = serde_json::from_str::<serde_json::Value>(raw.trim()).ok();
    let listed = json.as_ref().and_then(|json| json.get("findings")?.as_array());
    if let Some(listed) = listed {
        let texts =
            listed.iter().filter_map(|finding| finding.as_str().or_else(|| finding.get("text")?.as_str()));
        return texts.take(MOST_FINDINGS).map(str::to_owned).collect();
    }
    let first = clean.lines().map(str::trim).find(|line| !line.is_empty());
    let is_object = json.is_some_and(|json| json.is_object());
    first.filter(|_| !is_object).map(str::to_owned).into_iter().collect()
}

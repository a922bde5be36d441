//! Programs of runbooks, run by the launcher that `slo` is: their limits, and that nothing of them stays.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use slo_core::document::{Faults, documents};
use slo_ops::{
    Redactor,
    incident::{Output, StepOutcome},
    runbook::{Command, read},
};
use slo_server::run::{Enforced, Input, Runner};
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, time::Duration};

fn runner() -> Runner {
    Runner::new(env!("CARGO_BIN_EXE_slo").into(), Redactor::default())
}

/// A command as a runbook has it: `argv` and more fields, as YAML.
fn command(fields: &str) -> Command {
    let text = format!(
        "{{a: {{steps: [{{diagnose: {{{fields}}}}}], parameters: {{value: {{from: labels.value, pattern: '.*'}}}}}}}}"
    );
    let mut faults = Faults::default();
    let runbooks = read(&documents(&text).unwrap()[0], "runbooks", &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    runbooks["a"].steps[0].command().unwrap().clone()
}

fn shell(script: &str, fields: &str) -> Command {
    command(&format!("command: [/bin/sh, -c, {}]{fields}", serde_json::to_string(script).unwrap()))
}

async fn run(command: &Command, input: &Input) -> (StepOutcome, Output) {
    runner().run(command, input).await
}

/// Processes of which an argument is `mark`.
fn with_argument(mark: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.split('\0').any(|argument| argument == mark)).collect()
}

/// A script that says how many processes run that are `sleep` with the argument `mark`.
fn count(mark: &str) -> String {
    format!(
        "for line in /proc/[0-9]*/cmdline; do [ \"$(tr '\\0' ' ' < $line 2> /dev/null)\" = 'sleep {mark} ' ] && echo; done | wc -l"
    )
}

/// A number that only one test gives to `sleep`.
fn mark(test: u32) -> String {
    format!("{}", 1_000_000 + test * 10_000_000 + std::process::id())
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_with_it() {
    let mark = mark(1);
    let script =
        format!("setsid sh -c 'sleep {mark} & sleep {mark}' > /dev/null 2>&1 & sleep 0.3; {}", count(&mark));
    let (outcome, output) = run(&shell(&script, ""), &Input::default()).await;
    assert_eq!((outcome, output.text.trim()), (StepOutcome::Succeeded, "2"));
    assert_eq!(with_argument(&mark), [""; 0]);
}

#[tokio::test]
async fn a_program_that_takes_too_long_ends_with_all_it_started() {
    let mark = mark(2);
    // It also sends to its group what ends others, and goes on itself.
    let script = format!(
        "setsid sleep {mark} & trap '' TERM; sleep 0.2; kill 0; sleep 0.2; {}; sleep {mark}",
        count(&mark)
    );
    let (outcome, output) = run(&shell(&script, ", timeout: 2s"), &Input::default()).await;
    assert_eq!((outcome, output.text.trim()), (StepOutcome::TimedOut, "1"));
    assert_eq!(with_argument(&mark), [""; 0]);
}

#[tokio::test]
async fn a_program_that_ends_its_launcher_ends_with_it() {
    let mark = mark(4);
    let script = format!("sleep {mark} & kill -9 $PPID; sleep {mark}");
    let (outcome, _) = run(&shell(&script, ""), &Input::default()).await;
    assert_eq!(outcome, StepOutcome::Failed { reason: "signal: 9 (SIGKILL)".to_owned() });
    assert_eq!(with_argument(&mark), [""; 0]);
}

#[tokio::test]
async fn a_program_that_nobody_waits_for_ends() {
    let mark = mark(3);
    let command = shell(&format!("setsid sleep {mark} & sleep {mark}"), "");
    let task = tokio::spawn(async move { run(&command, &Input::default()).await });
    while with_argument(&mark).len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    task.abort();
    for _ in 0..250 {
        if with_argument(&mark).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", with_argument(&mark));
}

#[tokio::test]
async fn tells_how_a_program_ended() {
    for (script, expected) in [
        ("exit 3", StepOutcome::Failed { reason: "exit status: 3".to_owned() }),
        ("kill -SEGV $$", StepOutcome::Failed { reason: "exit status: 139 (signal 11)".to_owned() }),
        (
            "ulimit -t 1; while :; do :; done",
            StepOutcome::Failed { reason: "exit status: 137 (signal 9)".to_owned() },
        ),
        ("exit 0", StepOutcome::Succeeded),
        (
            "echo working; echo no such pool >&2; exit 1",
            StepOutcome::Failed { reason: "exit status: 1: no such pool".to_owned() },
        ),
    ] {
        assert_eq!(run(&shell(script, ""), &Input::default()).await.0, expected, "{script}");
    }
    let missing = command("command: [/nowhere/at/all]");
    let (outcome, output) = run(&missing, &Input::default()).await;
    let StepOutcome::NotStarted { reason } = outcome else { panic!("{outcome:?} {output:?}") };
    assert!(reason.starts_with("/nowhere/at/all: No such file"), "{reason}");
    // It is there, and cannot be run all the same.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let (outcome, _) = run(&command(&format!("command: [{}]", script.display())), &Input::default()).await;
    let StepOutcome::NotStarted { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("No such file"), "{reason}");
}

#[tokio::test]
async fn hostile_values_are_arguments_and_nothing_else() {
    let command = command("command: [/usr/bin/printf, '%s|', '{value}', '{value}']");
    for value in ["$(touch /tmp/x)", "`id`", "a b'c\"d", "; reboot", "\u{202e}gnp", "$HOME", "{value}"] {
        let values = BTreeMap::from([("value".to_owned(), value.to_owned())]);
        let (outcome, output) = run(&command, &Input { values, stdin: String::new() }).await;
        assert_eq!(outcome, StepOutcome::Succeeded);
        assert_eq!(output.text, slo_core::plain(&format!("{value}|{value}|")));
    }
    let values = BTreeMap::from([("value".to_owned(), "--version".to_owned())]);
    let (outcome, _) = run(&command, &Input { values, stdin: String::new() }).await;
    let StepOutcome::NotStarted { reason } = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "value: `--version` begins with `-`, like an option");
}

#[tokio::test]
async fn has_an_empty_folder_no_terminal_and_no_variables() {
    let script = "ls -A; env | grep -v -e ^PATH= -e ^LANG= -e ^PWD= -e ^_= -e ^OLDPWD= -e ^SHLVL=; \
        (: < /dev/tty) 2> /dev/null && echo terminal; (: > /tmp/slo-outside) 2> /dev/null && echo outside; \
        : > inside && echo inside";
    let (_, output) = run(&shell(script, ""), &Input::default()).await;
    let expected =
        if runner().probe().await.unwrap() == Enforced::Fully { "inside" } else { "outside\ninside" };
    assert_eq!(output.text, expected, "{}", output.errors);
}

#[tokio::test]
async fn reads_its_input_or_not() {
    let text = "x".repeat(3 << 20);
    let input = Input { values: BTreeMap::new(), stdin: text };
    let (outcome, output) = run(&shell("wc -c", ""), &input).await;
    assert_eq!((outcome, output.text.trim()), (StepOutcome::Succeeded, "3145728"));
    let (outcome, _) = run(&shell("exec 0<&-; sleep 0.2", ""), &input).await;
    assert_eq!(outcome, StepOutcome::Succeeded);
}

#[tokio::test]
async fn output_is_cut_at_a_character_and_hashed_whole() {
    let script = "i=0; while [ $i -lt 9000 ]; do printf 'ééééé\\n'; i=$((i + 1)); done";
    let (_, output) = run(&shell(script, ""), &Input::default()).await;
    assert!(output.cut && output.text.len() <= 64 * 1024 && !output.text.contains('\u{fffd}'));
    // Of what both streams wrote, each by `sha256sum`, the bytes of both hashes hashed again.
    assert_eq!(output.digest, "1eb657d85757d1fc9ed1c506f351e22b1fc1bfcc8f04a7e0efca6dda4eb19061");
}

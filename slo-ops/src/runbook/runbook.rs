//! A runbook: its steps, and the rules for running them.

use super::{Parameter, When};
use crate::{
    hex,
    incident::{Episode, StepInfo, StepKind},
};
use sha2::{Digest, Sha256};
use slo_core::{Error, model::Window};
use std::collections::BTreeMap;

/// A built-in diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Check {
    /// The state of this machine or container.
    Host,
    /// The labels of the bad events, compared with an hour before.
    Prometheus,
    /// Other episodes at about the same time.
    Changes,
}

impl Check {
    /// All built-in diagnoses.
    pub const ALL: [Self; 3] = [Self::Host, Self::Prometheus, Self::Changes];

    /// Its name in runbooks.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Prometheus => "prometheus",
            Self::Changes => "changes",
        }
    }
}

/// A program and the limits it runs within; it runs without a shell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Command {
    /// The absolute path of the program, and its arguments.
    ///
    /// `{name}` as a whole argument stands for a parameter.
    pub argv: Vec<String>,
    /// The SHA-256 that the program must have.
    pub sha256: Option<String>,
    /// The longest time that it may take.
    pub timeout: Window,
    /// Names of the environment variables that it gets from the server; it gets no others.
    pub environment: Vec<String>,
    /// Files and folders that it may write to, besides its working directory.
    pub writes: Vec<String>,
}

impl Command {
    /// The longest time that a command may take by default.
    pub const TIMEOUT: Window = Window::seconds(30);

    /// The arguments with `values` in place of parameters.
    ///
    /// # Errors
    /// A parameter without a value, or a value that begins with `-`, which the program would read as an
    /// option.
    pub fn filled(&self, values: &BTreeMap<String, String>) -> Result<Vec<String>, Error> {
        self.argv.iter().map(|argument| fill(argument, values)).collect()
    }
}

/// The parameter that an argument stands for.
pub(super) fn placeholder(argument: &str) -> Option<&str> {
    argument.strip_prefix('{')?.strip_suffix('}')
}

fn fill(argument: &str, values: &BTreeMap<String, String>) -> Result<String, Error> {
    let Some(name) = placeholder(argument) else { return Ok(argument.to_owned()) };
    let value =
        values.get(name).ok_or_else(|| Error::new(format!("the parameter `{name}` is not declared")))?;
    if value.starts_with('-') {
        return Err(Error::new(format!("{name}: `{value}` begins with `-`, like an option")));
    }
    Ok(value.clone())
}

/// Whether somebody must approve a remediation before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApprovalRule {
    /// Somebody must approve it.
    Required {
        /// How long after the request an approval counts.
        within: Window,
    },
    /// No approval is needed: evidence, cooldown and the limit of starts are enough.
    Waived,
}

/// A remediation, and its rules besides the evidence that the budget is burning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Remediation {
    /// The program.
    pub command: Command,
    /// Whether somebody must approve it.
    pub approval: ApprovalRule,
    /// The shortest time between two starts, over all incidents.
    pub cooldown: Window,
    /// The most starts within a window, over all incidents.
    pub at_most: (u32, Window),
    /// How long the event counts are checked for whether it helped.
    pub verify_within: Window,
}

impl Remediation {
    /// How long after the request an approval counts by default.
    pub const APPROVAL_WITHIN: Window = Window::hours(1);
    /// The shortest time between two starts by default.
    pub const COOLDOWN: Window = Window::minutes(30);
    /// The most starts within a window by default.
    pub const AT_MOST: (u32, Window) = (2, Window::hours(1));
    /// How long the event counts are checked by default.
    pub const VERIFY_WITHIN: Window = Window::minutes(5);
}

/// The logs that a diagnosis reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LogFiles {
    /// The absolute paths of files, or of folders whose files have `.log` in their names.
    pub files: Vec<String>,
    /// The time zone of times that name none.
    pub time_zone: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Task {
    /// A built-in diagnosis.
    Check(Check),
    /// What is unusual about the lines of logs: a built-in diagnosis, too.
    Logs(LogFiles),
    /// A program that looks and changes nothing.
    Diagnose(Command),
    /// A program that changes something.
    Remediate(Remediation),
    /// A program that undoes the remediation before it, if that did not help.
    Undo(Command),
}

/// A step of a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What it does.
    pub task: Task,
    /// Whether it may run again if the outcome of an attempt is unknown. Built-in diagnoses may.
    pub repeatable: bool,
}

impl Step {
    /// Its description in the record.
    #[must_use]
    pub fn info(&self) -> StepInfo {
        let info = StepInfo::new(&self.name, self.kind());
        if self.repeatable { info.repeatable() } else { info }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> StepKind {
        match self.task {
            Task::Check(_) | Task::Logs(_) | Task::Diagnose(_) => StepKind::Diagnose,
            Task::Remediate(_) => StepKind::Remediate,
            Task::Undo(_) => StepKind::Undo,
        }
    }

    /// The program that it runs; a built-in diagnosis has none.
    #[must_use]
    pub const fn command(&self) -> Option<&Command> {
        match &self.task {
            Task::Check(_) | Task::Logs(_) => None,
            Task::Diagnose(command) | Task::Undo(command) => Some(command),
            Task::Remediate(remediation) => Some(&remediation.command),
        }
    }
}

/// A runbook: its steps in order, and the parameters that they take from alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Runbook {
    /// Its name, which alerts have in the annotation `slo_response`.
    pub name: String,
    /// The conditions for alerts that name no runbook themselves.
    pub when: Option<When>,
    /// Its steps, in their order.
    pub steps: Vec<Step>,
    /// The parameters of its commands, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Whether it may run while another runbook runs for the same service.
    pub concurrent: bool,
}

impl Runbook {
    /// A hash of its steps and parameters, which shows whether it has changed.
    #[must_use]
    pub fn digest(&self) -> String {
        // Derived `Debug` shows every field, and its order is that of the source.
        let text = format!("{:?} {:?}", self.steps, self.parameters);
        hex::encode(&Sha256::digest(text))
    }

    /// The values of its parameters for `episode`.
    ///
    /// # Errors
    /// A parameter whose value is missing, differs between the alerts, or does not fit its declaration.
    pub fn values(&self, episode: &Episode) -> Result<BTreeMap<String, String>, Error> {
        let values = self.parameters.iter().map(|(name, parameter)| {
            let value = parameter.value(episode);
            let value = value.map_err(|error| Error::new(format!("{name}: {}", error.message())))?;
            Ok((name.clone(), value))
        });
        values.collect()
    }
}

/// The runbooks of a configuration, by their names.
pub type Runbooks = BTreeMap<String, Runbook>;

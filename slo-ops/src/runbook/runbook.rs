//! A runbook: steps, and the rules they run by.

use super::{Parameter, When};
use crate::{
    hex,
    incident::{Episode, StepInfo, StepKind},
};
use sha2::{Digest, Sha256};
use slo_core::{Error, model::Window};
use std::collections::BTreeMap;

/// A diagnosis that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Check {
    /// What this machine or container says.
    Host,
    /// Which labels the bad events have, against an hour before.
    Prometheus,
    /// What else happened nearby: other episodes.
    Changes,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Host, Self::Prometheus, Self::Changes];

    /// What runbooks call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Prometheus => "prometheus",
            Self::Changes => "changes",
        }
    }
}

/// A program, and the limits it runs within; no shell reads any of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Command {
    /// The program, by an absolute path, and its arguments; `{name}` as a whole argument stands for a parameter.
    pub argv: Vec<String>,
    /// The SHA-256 that the program must have.
    pub sha256: Option<String>,
    /// The longest that it may take.
    pub timeout: Window,
    /// Names of environment variables that it gets; it gets no others.
    pub environment: Vec<String>,
    /// Files and folders that it may write besides its working directory.
    pub writes: Vec<String>,
}

impl Command {
    /// The longest that a command may take, unless its step says so.
    pub const TIMEOUT: Window = Window::seconds(30);

    /// The arguments with `values` in place of parameters.
    ///
    /// # Errors
    /// A value that begins with `-`, which the program would take for an option.
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
    let value = values.get(name).ok_or_else(|| Error::new(format!("`{name}` is not declared")))?;
    if value.starts_with('-') {
        return Err(Error::new(format!("{name}: `{value}` begins with `-`, as an option does")));
    }
    Ok(value.clone())
}

/// Whether somebody must agree before a remediation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApprovalRule {
    /// Somebody must, within this time.
    Required {
        /// How long an answer counts after the question.
        within: Window,
    },
    /// Nobody must: evidence, cooldown and ceiling are enough.
    Waived,
}

/// What a remediation needs besides evidence that the budget burns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Remediation {
    /// The program.
    pub command: Command,
    /// Whether somebody must agree.
    pub approval: ApprovalRule,
    /// The shortest time between two starts, over all incidents.
    pub cooldown: Window,
    /// The most starts within a window, over all incidents.
    pub at_most: (u32, Window),
    /// How long it may take until the counts show that it helped.
    pub verify_within: Window,
}

impl Remediation {
    /// How long an answer counts, unless the step says so.
    pub const APPROVAL_WITHIN: Window = Window::hours(1);
    /// The shortest time between two starts, unless the step says so.
    pub const COOLDOWN: Window = Window::minutes(30);
    /// The most starts, unless the step says so.
    pub const AT_MOST: (u32, Window) = (2, Window::hours(1));
    /// How long it may take until it helped, unless the step says so.
    pub const VERIFY_WITHIN: Window = Window::minutes(5);
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Task {
    /// A built-in diagnosis.
    Check(Check),
    /// A program that looks and changes nothing.
    Diagnose(Command),
    /// A program that changes something.
    Remediate(Remediation),
    /// A program that takes back the remediation before it, where that did not help.
    Undo(Command),
}

/// A step of a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Step {
    /// What people call it.
    pub name: String,
    /// What it does.
    pub task: Task,
    /// Whether it may run a second time when nobody knows how the first one ended. Built-in diagnoses may.
    pub repeatable: bool,
}

impl Step {
    /// What the record says of it.
    #[must_use]
    pub fn info(&self) -> StepInfo {
        let info = StepInfo::new(&self.name, self.kind());
        if self.repeatable { info.repeatable() } else { info }
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> StepKind {
        match self.task {
            Task::Check(_) | Task::Diagnose(_) => StepKind::Diagnose,
            Task::Remediate(_) => StepKind::Remediate,
            Task::Undo(_) => StepKind::Undo,
        }
    }

    /// The program that it runs; a built-in diagnosis has none.
    #[must_use]
    pub const fn command(&self) -> Option<&Command> {
        match &self.task {
            Task::Check(_) => None,
            Task::Diagnose(command) | Task::Undo(command) => Some(command),
            Task::Remediate(remediation) => Some(&remediation.command),
        }
    }
}

/// A runbook: its steps, one after the other, and the parameters that they take from alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Runbook {
    /// What alerts call it, in the annotation `slo_response`.
    pub name: String,
    /// The alerts that it answers, of those that name no response themselves.
    pub when: Option<When>,
    /// Its steps, in their order.
    pub steps: Vec<Step>,
    /// What its commands get from the alerts.
    pub parameters: BTreeMap<String, Parameter>,
    /// Whether it may run while another runbook runs for the same service.
    pub concurrent: bool,
}

impl Runbook {
    /// A hash of all that it says, so that a record can tell whether it still says the same.
    #[must_use]
    pub fn digest(&self) -> String {
        // Derived `Debug` shows every field, and its order is that of the source.
        let text = format!("{:?} {:?}", self.steps, self.parameters);
        hex::encode(&Sha256::digest(text))
    }

    /// The values of its parameters for `episode`.
    ///
    /// # Errors
    /// A parameter that the alerts do not have, that differs between them, or that its declaration refuses.
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

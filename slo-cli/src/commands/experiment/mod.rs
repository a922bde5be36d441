//! `slo experiment`

mod export;
mod journals;
mod judge;
mod plan;
mod run;
mod verdict;

use super::serve::runtime;
use crate::{
    args::{ExperimentVerb, Experiments},
    error::Error,
};
use std::io::Write;

pub(super) fn run(experiments: &Experiments, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    match &experiments.verb {
        ExperimentVerb::Plan(planned) => runtime()?.block_on(plan::plan(planned, out, talk)),
        ExperimentVerb::Run(running) => runtime()?.block_on(run::run(running, out, talk)),
        ExperimentVerb::Status(listed) => journals::status(listed, out, talk),
        ExperimentVerb::Abort(stopped) => runtime()?.block_on(journals::abort(stopped, talk)),
        ExperimentVerb::Judge(judged) => runtime()?.block_on(judge::judge(judged, out, talk)),
        ExperimentVerb::Export(exported) => export::export(exported, out, talk),
        ExperimentVerb::Verdict(told) => verdict::verdict(told, out, talk),
    }
}

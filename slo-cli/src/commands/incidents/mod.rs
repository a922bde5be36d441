//! `slo incidents`

mod act;
mod record;
mod show;
mod stats;
mod summarize;
mod write;

use super::serve::runtime;
use crate::{
    args::{Incidents, IncidentsVerb, Note, Step},
    error::Error,
};
pub(super) use act::user;
use act::{acted, place};
pub(super) use record::latest;
pub(super) use record::open;
use show::{show_list, show_one};
use slo_ops::incident::Event;
pub(super) use stats::recorded;
use stats::show_stats;
use std::io::Write;
use summarize::summarize;
use write::{export, write_postmortem};

pub(super) fn run(incidents: &Incidents, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    runtime()?.block_on(async {
        match &incidents.verb {
            IncidentsVerb::List(list) => show_list(list, out).await,
            IncidentsVerb::Show(show) => show_one(show, out).await,
            IncidentsVerb::Summarize(show) => summarize(show, out, talk).await,
            IncidentsVerb::Stats(stats) => show_stats(stats, out).await,
            IncidentsVerb::Postmortem(draft) => write_postmortem(draft, out, talk).await,
            IncidentsVerb::Export(all) => export(all, out, talk).await,
            IncidentsVerb::Acknowledge(act) => {
                acted(act, |who, _| Ok(Event::Acknowledged { who }), out).await
            }
            IncidentsVerb::Close(act) => acted(act, |who, _| Ok(Event::Closed { who }), out).await,
            IncidentsVerb::Mitigated(act) => acted(act, |who, _| Ok(Event::Mitigated { who }), out).await,
            IncidentsVerb::Approve(Step { act, step }) => {
                acted(act, |who, episode| Ok(Event::Approved { step: place(episode, step)?, who }), out).await
            }
            IncidentsVerb::Deny(Step { act, step }) => {
                acted(act, |who, episode| Ok(Event::Denied { step: place(episode, step)?, who }), out).await
            }
            IncidentsVerb::Note(Note { act, text }) => {
                acted(act, |who, _| Ok(Event::Note { who, text: text.clone() }), out).await
            }
        }
    })
}

//! `slo alertmanager`

use crate::{args::Alertmanager, error::Error, load, write};
use slo_core::artifact::{self, Channel, Mail, Response, Routing};
use std::io::Write;

pub(super) fn run(asked: &Alertmanager, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&asked.specs.files, &asked.specs.reading, 1, talk)?;
    let mut routing = Routing::new(&asked.secrets);
    routing.page = channels("--page", &asked.page)?;
    routing.ticket = channels("--ticket", &asked.ticket)?;
    routing.response = response(asked)?;
    routing.mail = asked.smtp.clone().zip(asked.smtp_from.clone()).map(|(smarthost, from)| Mail {
        smarthost,
        from,
        username: asked.smtp_username.clone(),
    });
    routing.ticket_hours.clone_from(&asked.ticket_hours);
    routing.version = asked.version;
    routing.fragment = asked.fragment;
    let config = artifact::alertmanager(&services, &routing).map_err(|error| match Error::from(error) {
        // A severity without a channel is a usage error.
        Error::Input(text) if routing.page.is_empty() || routing.ticket.is_empty() => Error::Usage(text),
        error => error,
    })?;
    match &asked.out {
        Some(path) => {
            write::atomically(path, &config)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(config.as_bytes())?,
    }
    Ok(())
}

fn response(asked: &Alertmanager) -> Result<Option<Response>, Error> {
    let Some(url) = &asked.response else { return Ok(None) };
    let response = Response::new(url, &asked.secrets)
        .map_err(|error| Error::Usage(format!("--response: {}", Error::from(error))))?;
    Ok(Some(match &asked.response_token {
        Some(path) => response.with_token_file(path),
        None => response,
    }))
}

fn channels(option: &str, texts: &[String]) -> Result<Vec<Channel>, Error> {
    let read = |text: &String| {
        text.parse()
            .map_err(|error: slo_core::Error| Error::Usage(format!("{option}: {}", Error::from(error))))
    };
    texts.iter().map(read).collect()
}

//! `slo proxy`

use super::serve::{outside, runtime, told_to_end};
use crate::{args::Proxy as Asked, error::Error};
use slo_ops::experiment::read_toxic;
use slo_server::{
    config::{Credentials, Secret},
    fault::{Proxy, serve_control},
};
use std::{io::Write, path::Path};

pub(super) fn run(asked: &Asked, talk: &mut dyn Write) -> Result<(), Error> {
    let toxic =
        asked.toxic.as_deref().map(|text| read_toxic(text).map_err(|faults| refused(&faults))).transpose()?;
    let credentials = asked.token_file.as_deref().map(token).transpose()?;
    if let Some(control) = asked.control
        && credentials.is_none()
        && !control.ip().is_loopback()
    {
        return Err(Error::Usage(format!(
            "--control {control} can be reached from other hosts\n  hint: add --token-file, or use 127.0.0.1:{}",
            control.port()
        )));
    }
    runtime()?.block_on(async {
        let proxy = Proxy::bind(asked.listen, asked.upstream.clone()).await.map_err(outside)?;
        let handle = proxy.handle();
        if let Some((toxic, lease)) = toxic {
            handle.arm(toxic, lease);
        }
        writeln!(talk, "listening on {}, for {}", proxy.address().map_err(outside)?, asked.upstream)?;
        if let Some(address) = asked.control {
            writeln!(
                talk,
                "control on http://{}/toxic",
                serve_control(address, handle, credentials).await.map_err(outside)?
            )?;
        }
        talk.flush()?;
        proxy.run(told_to_end()).await;
        Ok(())
    })
}

fn token(path: &Path) -> Result<Credentials, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
    match text.trim_end() {
        "" => Err(Error::Input(format!("{}: the token is empty", path.display()))),
        token => Ok(Credentials::Bearer(Secret::new(token))),
    }
}

fn refused(faults: &slo_core::Diagnostics) -> Error {
    let faults: Vec<String> = faults.faults().iter().map(|fault| format!("--toxic:{fault}")).collect();
    Error::Usage(faults.join("\n"))
}

//! Options for the connection to a server.

use crate::error::Error;
use clap::Args as Group;
use slo_prometheus::{Client, Settings};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Debug, Group)]
pub(crate) struct Access {
    /// A header to send with every request, such as "X-Scope-OrgID: tenant", or @FILE to read headers from a
    /// file, one a line, so that secrets stay out of the process list; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// A PEM file of certificates to trust in place of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Access {
    /// A client for the server at `address`, or at the address in a file if `address` is `@FILE`.
    pub(crate) fn client(&self, address: &str) -> Result<Client, Error> {
        let (address, settings) = self.settings(address)?;
        Ok(Client::new(&address, settings)?)
    }

    /// The address of the server, and how to connect to it.
    pub(crate) fn settings(&self, address: &str) -> Result<(String, Settings), Error> {
        let read = |path: &Path| fs::read(path).map_err(|error| Error::file(path, &error));
        let address = match address.strip_prefix('@').map(Path::new) {
            None => address.to_owned(),
            Some(path) => String::from_utf8_lossy(&read(path)?).trim().to_owned(),
        };
        let roots = self.ca.as_deref().map(read).transpose()?;
        Ok((address, Settings { headers: self.headers()?, roots, ..Settings::default() }))
    }

    /// Names and values.
    fn headers(&self) -> Result<Vec<(String, String)>, Error> {
        let mut all = Vec::new();
        for header in &self.headers {
            let Some(path) = header.strip_prefix('@').map(Path::new) else {
                all.push(pair(header).ok_or_else(|| refused("--header"))?);
                continue;
            };
            let text = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                all.push(pair(line).ok_or_else(|| refused(&path.display().to_string()))?);
            }
        }
        Ok(all)
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_value = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let (name, value) = (name.trim(), value.trim());
    let is_pair = !name.is_empty() && name.bytes().all(is_name) && value.bytes().all(is_value);
    is_pair.then(|| (name.to_owned(), value.to_owned()))
}

/// The error for a bad header. It does not show the text, which may be a secret.
fn refused(place: &str) -> Error {
    Error::Usage(format!("{place}: not a header\n  hint: write it as `Name: value`"))
}

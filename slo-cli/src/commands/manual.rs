//! `slo manual`

use crate::{
    args::{Args, Manual},
    error::Error,
    write,
};
use clap::{Command, CommandFactory};
use std::{io::Write, path::Path};

pub(super) fn run(asked: &Manual, talk: &mut dyn Write) -> Result<(), Error> {
    let mut command = Args::command();
    command.build();
    page(&command, &asked.out.join("man1"), talk)
}

/// The page of a command, and those of its verbs.
fn page(command: &Command, folder: &Path, talk: &mut dyn Write) -> Result<(), Error> {
    let version = concat!("slo ", env!("CARGO_PKG_VERSION"));
    let page = clap_mangen::Man::new(command.clone()).source(version).manual("Manual of slo");
    let path = folder.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text)?;
    write::atomically(&path, &String::from_utf8_lossy(&text))?;
    writeln!(talk, "{}", path.display())?;
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    verbs.into_iter().try_for_each(|verb| self::page(verb, folder, talk))
}

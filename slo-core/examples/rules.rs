//! From a specification to a rule file.
//!
//!     cargo run -p slo-core --example rules -- slo.yaml > checkout.rules.yaml
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it reads a file, and prints rules")]

use slo_core::{artifact, rules, spec};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: rules FILE")?;
    let yaml = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    for service in spec::parse(&yaml)? {
        print!("{}", artifact::rule_file(&rules::generate(&service)?));
    }
    Ok(())
}

//! Whatever the text: a native spec is read or refused with positions, and what is read generates rules
//! that are valid PromQL.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slo_core::{
    artifact,
    model::Timestamp,
    rules::{self, Backend, Naming, Options},
    spec,
};

const OPTIONS: Options = Options { backend: Backend::Prometheus, naming: Naming::Native, now: Some(Timestamp::from_seconds(1_767_225_600)) };

fuzz_target!(|text: &str| {
    match spec::parse(text) {
        Ok(services) => {
            for service in &services {
                // Custom windows may not be sums of tiles.
                let Ok(groups) = rules::generate_with(service, OPTIONS) else { continue };
                for rule in groups.iter().flat_map(|group| &group.rules) {
                    let expr = rule.expr().to_string();
                    promql_parser::parser::parse(&expr).unwrap_or_else(|error| panic!("{error}: {expr}"));
                }
                assert!(!artifact::rule_file(&groups).is_empty());
            }
        }
        Err(faults) => {
            assert!(!faults.faults().is_empty());
            assert!(faults.faults().iter().all(|fault| fault.line >= 1 && fault.column >= 1));
        }
    }
});

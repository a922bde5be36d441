//! Whatever the text, in whatever format: it is read or refused with positions; what is read is written in the native
//! format and read back as the same, and makes rules that are valid PromQL.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slo_core::{
    artifact,
    model::Timestamp,
    rules::{self, Backend, Naming, Options},
    spec,
};

const OPTIONS: [Options; 3] = [
    Options { backend: Backend::Prometheus, naming: Naming::Native, now: NOW },
    Options { backend: Backend::VictoriaMetrics, naming: Naming::Native, now: NOW },
    Options { backend: Backend::Prometheus, naming: Naming::Sloth, now: NOW },
];
const NOW: Option<Timestamp> = Some(Timestamp::from_seconds(1_767_225_600));

fuzz_target!(|text: &str| {
    match spec::read(&[text]).remove(0) {
        Ok(document) => {
            for service in &document.services {
                let written = spec::write(service);
                let back = spec::parse(&written).unwrap_or_else(|faults| panic!("{faults}\n{written}"));
                assert_eq!(back, [service.clone()], "{written}");
                for options in OPTIONS {
                    // Custom windows may not be sums of tiles.
                    let Ok(groups) = rules::generate_with(service, options) else { continue };
                    assert_eq!(rules::check(service, options), Ok(()));
                    for rule in groups.iter().flat_map(|group| &group.rules) {
                        for expr in [rule.expr().to_string(), format!("{:#}", rule.expr())] {
                            promql_parser::parser::parse(&expr).unwrap_or_else(|error| panic!("{error}: {expr}"));
                        }
                    }
                    assert!(!artifact::rule_file(&groups).is_empty());
                }
                let _ = artifact::rule_tests(service, "rules.yaml");
            }
        }
        Err(faults) => {
            assert!(!faults.faults().is_empty());
            assert!(faults.faults().iter().all(|fault| fault.line >= 1 && fault.column >= 1));
        }
    }
});

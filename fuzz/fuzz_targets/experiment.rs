//! Any text is an experiment, or refused with at least one fault.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slo_ops::experiment::{read, read_toxic};

fuzz_target!(|text: &str| {
    for refused in [read(text).err(), read_toxic(text).err()].into_iter().flatten() {
        assert!(!refused.faults().is_empty());
    }
});

//! Python bindings: convert, call slo-core, convert back. There is no logic here.
#![expect(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the docs of Python items are numpydoc"
)]

mod budget;
mod convert;
mod error;
mod objective;
mod rules;
mod spec;

use pyo3::prelude::*;

/// The extension module `slo._slo`; the package `slo` re-exports it.
#[pymodule(gil_used = false)]
mod _slo {
    #[pymodule_export]
    use super::budget::ErrorBudget;
    #[pymodule_export]
    use super::error::{DataError, Fault, QueryError, SloError, SpecError};
    #[pymodule_export]
    use super::main;
    #[pymodule_export]
    use super::objective::Objective;
    #[pymodule_export]
    use super::rules::Rules;
    #[pymodule_export]
    use super::spec::{Slo, Spec, Tier, load, parse};
}

/// Runs the `slo` command with `args`, the first of which is the program's name; its exit code.
#[pyfunction]
fn main(py: Python<'_>, args: Vec<std::ffi::OsString>) -> u8 {
    py.detach(|| {
        let (mut out, mut talk) = (std::io::stdout().lock(), std::io::stderr().lock());
        slo_cli::run(args, &mut out, &mut talk).as_u8()
    })
}

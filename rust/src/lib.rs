//! The Python module `tlstool._native`: a table of contents. What it does stands in the engine.

mod door;
mod job;
mod local;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::local::LocalBench;

    /// Every code that the engine can raise or find.
    #[pyfunction]
    fn error_codes() -> Vec<&'static str> {
        tlstool_engine::ERROR_CODES.to_vec()
    }
}

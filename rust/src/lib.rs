//! The Python module `tlstool._native`: a table of contents. What it does stands in the engine.

mod certs;
mod client;
mod data;
mod door;
mod job;
mod load;
mod local;
mod server;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::certs::{certificates, verify};
    #[pymodule_export]
    use crate::client::{ClientConfig, Resumption, Session, connect};
    #[pymodule_export]
    use crate::load::load;
    #[pymodule_export]
    use crate::local::LocalBench;
    #[pymodule_export]
    use crate::server::{ServerConfig, ServerIdentity, serve};

    /// Versions, provider, and the paths of the CPU that matter.
    #[pyfunction]
    fn info(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        crate::data::to_python(py, &tlstool_engine::info())
    }

    /// Every code that the engine can raise or find.
    #[pyfunction]
    fn error_codes() -> Vec<&'static str> {
        tlstool_engine::ERROR_CODES.to_vec()
    }
}

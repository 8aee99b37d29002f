//! `LocalBench` for Python: one library and one scenario, in memory.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use tlstool_engine::LocalSpec;

use crate::{data, job};

/// One library and one scenario in memory, client and server in the calling thread.
#[pyclass(frozen, module = "tlstool._native")]
pub struct LocalBench(Mutex<tlstool_engine::LocalBench>);

#[pymethods]
impl LocalBench {
    #[new]
    fn new(py: Python<'_>, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let spec: LocalSpec = data::from_python(spec)?;
        job::run(py, |_| tlstool_engine::LocalBench::new(&spec)).map(|bench| Self(Mutex::new(bench)))
    }

    /// Who is measured, and what both ends of its connections say they use.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let info = py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).info().clone());
        data::to_python(py, &info)
    }

    /// Measure for so many seconds.
    fn run<'py>(&self, py: Python<'py>, seconds: f64) -> PyResult<Bound<'py, PyAny>> {
        let figures =
            job::run(py, |interrupt| self.0.lock().unwrap_or_else(PoisonError::into_inner).run(seconds, interrupt))?;
        data::to_python(py, &figures)
    }
}

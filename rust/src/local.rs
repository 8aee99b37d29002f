//! `LocalBench` for Python: one library and one scenario, in memory.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pythonize::{depythonize, pythonize};
use tlstool_engine::{Error, LocalSpec};

use crate::{door, job};

/// One library and one scenario in memory, client and server in the calling thread.
#[pyclass(frozen)]
pub struct LocalBench(Mutex<tlstool_engine::LocalBench>);

#[pymethods]
impl LocalBench {
    #[new]
    fn new(py: Python<'_>, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let spec: LocalSpec =
            depythonize(spec).map_err(|why| door::to_python(py, &Error::Usage(format!("the spec: {why}"))))?;
        job::run(py, |_| tlstool_engine::LocalBench::new(&spec)).map(|bench| Self(Mutex::new(bench)))
    }

    /// Who is measured, and what both ends of its connections say they use.
    fn info(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let info = py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).info().clone());
        Ok(pythonize(py, &info)?.unbind())
    }

    /// Measure for so many seconds.
    fn run(&self, py: Python<'_>, seconds: f64) -> PyResult<Py<PyAny>> {
        let figures =
            job::run(py, |interrupt| self.0.lock().unwrap_or_else(PoisonError::into_inner).run(seconds, interrupt))?;
        Ok(pythonize(py, &figures)?.unbind())
    }
}

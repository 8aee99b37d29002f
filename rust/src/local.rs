//! `LocalBench` for Python: one library and one scenario, in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use tlstool_engine::LocalSpec;

use crate::{data, job};

/// One library and one scenario in memory, client and server in one thread.
#[pyclass(frozen, module = "tlstool._native")]
pub struct LocalBench(Mutex<tlstool_engine::LocalBench>);

#[pymethods]
impl LocalBench {
    #[new]
    fn new(py: Python<'_>, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let spec: LocalSpec = data::from_python(spec)?;
        job::run(py, |_| tlstool_engine::LocalBench::new(&spec)).map(|bench| Self(Mutex::new(bench)))
    }

    /// Who a library is: name, version, and build as far as it tells.
    #[staticmethod]
    fn identify<'py>(py: Python<'py>, library: &str) -> PyResult<Bound<'py, PyAny>> {
        let identity = job::run(py, |_| tlstool_engine::LocalBench::identify(library))?;
        data::to_python(py, &identity)
    }

    /// Who is measured, and what both ends of its connections say they use.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let info = py.detach(|| self.bench().info().clone());
        data::to_python(py, &info)
    }

    /// Run for so many seconds, and forget it.
    fn warm_up(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        job::run(py, |interrupt| self.bench().warm_up(seconds, interrupt))
    }

    /// Measure for so many seconds; figures a thread.
    fn run<'py>(&self, py: Python<'py>, seconds: f64) -> PyResult<Bound<'py, PyAny>> {
        let figures = job::run(py, |interrupt| self.bench().run(seconds, interrupt))?;
        data::to_python(py, &figures)
    }

    /// The latencies of all handshakes that were measured, of client and server; None if there were none.
    fn latency<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let latency = job::run(py, |_| self.bench().latency())?;
        data::to_python(py, &latency)
    }
}

impl LocalBench {
    fn bench(&self) -> MutexGuard<'_, tlstool_engine::LocalBench> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

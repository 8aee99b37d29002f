//! `tlstool._native.load`.

use pyo3::prelude::*;
use tlstool_engine::LoadPlan;

use crate::client::ClientConfig;
use crate::{data, job};

/// Handshakes in a closed loop. Ctrl-C ends it early, with what was measured.
#[pyfunction]
pub fn load<'py>(py: Python<'py>, plan: &Bound<'py, PyAny>, config: &ClientConfig) -> PyResult<Bound<'py, PyAny>> {
    let plan: LoadPlan = data::from_python(plan)?;
    let result = job::run(py, |interrupt| tlstool_engine::load(&plan, &config.0, interrupt))?;
    data::to_python(py, &result)
}

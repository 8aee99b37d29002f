//! `tlstool._native.load`.

use pyo3::prelude::*;
use tlstool_engine::LoadPlan;

use crate::client::ClientConfig;
use crate::{job, plain};

/// Handshakes in a closed loop. Ctrl-C ends it early, with what was measured.
#[pyfunction]
pub fn load<'py>(
    py: Python<'py>,
    plan: &Bound<'py, PyAny>,
    config: &Bound<'py, ClientConfig>,
) -> PyResult<Bound<'py, PyAny>> {
    let plan: LoadPlan = plain::from_python(plan)?;
    let config = config.get();
    let result = job::run(py, |interrupt| tlstool_engine::load(&plan, config.engine(), interrupt))?;
    plain::to_python(py, &result)
}

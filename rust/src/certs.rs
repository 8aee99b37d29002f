//! Certificates for Python: summaries and verdicts, without a connection.

use pyo3::prelude::*;
use tlstool_engine::VerifySpec;

use crate::{data, job};

/// Summaries of all certificates in PEM text, or of one in DER.
#[pyfunction]
pub fn certificates<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let summaries = job::run(py, |_| tlstool_engine::certificates(data))?;
    data::to_python(py, &summaries)
}

/// Judge a chain without a connection.
#[pyfunction]
pub fn verify<'py>(py: Python<'py>, spec: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let spec: VerifySpec = data::from_python(spec)?;
    let verified = job::run(py, |_| tlstool_engine::verify(&spec))?;
    data::to_python(py, &verified)
}

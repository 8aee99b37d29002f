//! The one door through which errors leave the engine: Python owns the classes, the engine knows their codes.

use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes};
use tlstool_engine::Error;

/// The exception of `tlstool.errors` for an error of the engine.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, error).map_or_else(|problem| problem, PyErr::from_value)
}

fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    if let Error::NotTls { first_bytes } = error {
        return py.import("tlstool.sniff")?.call_method1("not_tls", (PyBytes::new(py, first_bytes),));
    }
    let facts = [("alert", error.alert())].into_py_dict(py)?;
    py.import("tlstool.errors")?.call_method("make", (error.code(), error.to_string()), Some(&facts))
}

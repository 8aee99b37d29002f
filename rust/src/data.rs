//! Plain data across the border: specs in, reports out.

use pyo3::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tlstool_engine::Error;

use crate::door;

/// A spec from a dataclass of `tlstool.model` that was made `plain`.
pub fn from_python<T: DeserializeOwned>(spec: &Bound<'_, PyAny>) -> PyResult<T> {
    pythonize::depythonize(spec).map_err(|error| {
        door::to_python(spec.py(), &Error::Usage(format!("a spec that the engine cannot read: {error}")))
    })
}

/// A report as dicts, lists and scalars.
pub fn to_python<'py, T: Serialize>(py: Python<'py>, report: &T) -> PyResult<Bound<'py, PyAny>> {
    pythonize::pythonize(py, report)
        .map_err(|error| door::to_python(py, &Error::Internal(format!("a report that Python cannot hold: {error}"))))
}

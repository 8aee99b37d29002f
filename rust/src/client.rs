//! Client connections for Python. Every method is one job of the engine.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyBrokenPipeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tlstool_engine::{ClientSpec, Error, Handshake, Interrupt, Outcome, RelayPlan, Result};

use crate::{data, job};

/// The same number on every POSIX system that Rust knows.
const EPIPE: i32 = 32;

/// Built once, shared by every connection.
#[pyclass(frozen, module = "tlstool._native")]
pub struct ClientConfig(pub tlstool_engine::ClientConfig);

#[pymethods]
impl ClientConfig {
    #[new]
    fn new(py: Python<'_>, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let spec: ClientSpec = data::from_python(spec)?;
        job::run(py, |_| tlstool_engine::ClientConfig::new(&spec)).map(Self)
    }
}

/// A client session after its handshake.
#[pyclass(frozen, module = "tlstool._native")]
pub struct Session {
    handshake: Handshake,
    /// None once it is closed.
    session: Mutex<Option<tlstool_engine::Session>>,
}

#[pymethods]
impl Session {
    #[getter]
    fn handshake<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        data::to_python(py, &self.handshake)
    }

    fn read<'py>(&self, py: Python<'py>, limit: usize, seconds: Option<f64>) -> PyResult<Bound<'py, PyBytes>> {
        let data = self.job(py, |session, interrupt| session.read(limit, seconds, interrupt))?;
        Ok(PyBytes::new(py, &data))
    }

    fn write(&self, py: Python<'_>, data: &[u8], seconds: Option<f64>) -> PyResult<()> {
        self.job(py, |session, interrupt| session.write(data, seconds, interrupt))
    }

    fn relay<'py>(
        &self,
        py: Python<'py>,
        plan: &Bound<'py, PyAny>,
        seconds: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let plan: RelayPlan = data::from_python(plan)?;
        match self.job(py, |session, interrupt| session.relay(&plan, seconds, interrupt))? {
            Outcome::Done(relayed) => data::to_python(py, &relayed),
            Outcome::OutputClosed => Err(PyBrokenPipeError::new_err((EPIPE, "Broken pipe"))),
        }
    }

    fn close(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        job::run(py, |interrupt| {
            let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).take();
            session.map_or(Ok(()), |mut session| session.close(seconds, interrupt))
        })
    }
}

impl Session {
    fn job<T: Send>(
        &self,
        py: Python<'_>,
        job: impl FnOnce(&mut tlstool_engine::Session, &dyn Interrupt) -> Result<T> + Send,
    ) -> PyResult<T> {
        job::run(py, |interrupt| match &mut *self.session.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(session) => job(session, interrupt),
            None => Err(Error::Usage("the session is closed".to_owned())),
        })
    }
}

/// Handshake over a connected socket, of which the session keeps a duplicate.
#[pyfunction]
pub fn connect(py: Python<'_>, config: &ClientConfig, fd: i32, seconds: Option<f64>) -> PyResult<Session> {
    let mut seen = None;
    let session = job::run(py, |interrupt| {
        tlstool_engine::connect(&config.0, fd, seconds, interrupt).map_err(|failure| {
            seen = failure.handshake;
            failure.error
        })
    });
    match session {
        Ok(session) => Ok(Session { handshake: session.handshake().clone(), session: Mutex::new(Some(session)) }),
        Err(error) => {
            if let Some(handshake) = seen {
                error.value(py).setattr("handshake", data::to_python(py, &*handshake)?)?;
            }
            Err(error)
        }
    }
}

//! Client connections for Python. Every method is one job of the engine.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyBrokenPipeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tlstool_engine::{ClientSpec, Error, Handshake, Interrupt, Offer, Outcome, RelayPlan, Result, Resumable};

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
    handshake: Mutex<Handshake>,
    resumption: Resumable,
    /// None once it is closed.
    open: Mutex<Option<tlstool_engine::Session>>,
}

#[pymethods]
impl Session {
    #[getter]
    fn handshake<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        data::to_python(py, &*self.handshake.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[getter]
    fn resumption(&self) -> Resumption {
        Resumption(self.resumption.clone())
    }

    #[getter]
    fn early_data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let early = self.job(py, |session, _| Ok(session.early_data()))?;
        data::to_python(py, &early)
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

    fn export<'py>(
        &self,
        py: Python<'py>,
        label: &str,
        context: Option<&[u8]>,
        length: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let material = self.job(py, |session, _| session.export(label, context, length))?;
        Ok(PyBytes::new(py, &material))
    }

    fn update_keys(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<()> {
        self.job(py, |session, interrupt| session.update_keys(seconds, interrupt))
    }

    fn close(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        self.end(py, |session, interrupt| session.close(seconds, interrupt))
    }

    fn finish(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        self.end(py, |session, interrupt| session.finish(seconds, interrupt))
    }
}

impl Session {
    fn job<T: Send>(
        &self,
        py: Python<'_>,
        job: impl FnOnce(&mut tlstool_engine::Session, &dyn Interrupt) -> Result<T> + Send,
    ) -> PyResult<T> {
        job::run(py, |interrupt| match &mut *self.open.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(session) => job(session, interrupt),
            None => Err(Error::Usage("the session is closed".to_owned())),
        })
    }

    /// The last job; a session that has ended has no more.
    fn end(
        &self,
        py: Python<'_>,
        job: impl FnOnce(&mut tlstool_engine::Session, &dyn Interrupt) -> Result<()> + Send,
    ) -> PyResult<()> {
        job::run(py, |interrupt| {
            let session = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(mut session) = session else { return Ok(()) };
            let outcome = job(&mut session, interrupt);
            session.handshake().clone_into(&mut self.handshake.lock().unwrap_or_else(PoisonError::into_inner));
            outcome
        })
    }
}

/// A session that another connection can resume.
#[pyclass(frozen, module = "tlstool._native")]
pub struct Resumption(Resumable);

/// Handshake over a connected socket, of which the session keeps a duplicate.
#[pyfunction]
#[pyo3(signature = (config, fd, seconds, resume = None, early_data = None))]
pub fn connect(
    py: Python<'_>,
    config: &ClientConfig,
    fd: i32,
    seconds: Option<f64>,
    resume: Option<&Resumption>,
    early_data: Option<Vec<u8>>,
) -> PyResult<Session> {
    let offer = Offer { resume: resume.map(|resumption| resumption.0.clone()), early_data };
    let mut seen = None;
    let session = job::run(py, |interrupt| {
        tlstool_engine::connect(&config.0, fd, &offer, seconds, interrupt).map_err(|failure| {
            seen = failure.handshake;
            failure.error
        })
    });
    match session {
        Ok(session) => Ok(Session {
            handshake: Mutex::new(session.handshake().clone()),
            resumption: session.resumable(),
            open: Mutex::new(Some(session)),
        }),
        Err(error) => {
            if let Some(handshake) = seen {
                error.value(py).setattr("handshake", data::to_python(py, &*handshake)?)?;
            }
            Err(error)
        }
    }
}

//! Client connections for Python. Every method is one job of the engine.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyBrokenPipeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tlstool_engine::{
    ClientSpec, Error, Handshake, Interrupt, Listener, Offer, Outcome, RelayPlan, Result, Resumable, Sighting,
};

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
    raised: Raised,
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
        let outcome = job::run(py, |interrupt| match &mut *self.open.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(session) => job(session, interrupt),
            None => Err(Error::Usage("the session is closed".to_owned())),
        });
        self.raised.instead_of(outcome)
    }

    /// The last job; a session that has ended has no more.
    fn end(
        &self,
        py: Python<'_>,
        job: impl FnOnce(&mut tlstool_engine::Session, &dyn Interrupt) -> Result<()> + Send,
    ) -> PyResult<()> {
        let outcome = job::run(py, |interrupt| {
            let session = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(mut session) = session else { return Ok(()) };
            let outcome = job(&mut session, interrupt);
            session.handshake().clone_into(&mut self.handshake.lock().unwrap_or_else(PoisonError::into_inner));
            outcome
        });
        self.raised.instead_of(outcome)
    }
}

/// A session that another connection can resume.
#[pyclass(frozen, module = "tlstool._native")]
pub struct Resumption(Resumable);

/// Handshake over a connected socket, of which the session keeps a duplicate. `on_wire` is called with each record and message of
/// the session's life; what it raises ends the job in which it was called.
#[pyfunction]
#[pyo3(signature = (config, fd, seconds, resume = None, early_data = None, on_wire = None))]
pub fn connect(
    py: Python<'_>,
    config: &ClientConfig,
    fd: i32,
    seconds: Option<f64>,
    resume: Option<&Resumption>,
    early_data: Option<Vec<u8>>,
    on_wire: Option<Py<PyAny>>,
) -> PyResult<Session> {
    let offer = Offer { resume: resume.map(|resumption| resumption.0.clone()), early_data };
    let mut seen = None;
    let raised = Raised::default();
    let listener = on_wire.map(|on_wire| Box::new(OnWire { on_wire, raised: raised.clone() }) as Box<dyn Listener>);
    let session = job::run(py, |interrupt| {
        tlstool_engine::connect(&config.0, fd, &offer, seconds, listener, interrupt).map_err(|failure| {
            seen = failure.handshake;
            failure.error
        })
    });
    match raised.instead_of(session) {
        Ok(session) => Ok(Session {
            handshake: Mutex::new(session.handshake().clone()),
            resumption: session.resumable(),
            open: Mutex::new(Some(session)),
            raised,
        }),
        Err(error) => {
            if let Some(handshake) = seen {
                error.value(py).setattr("handshake", data::to_python(py, &*handshake)?)?;
            }
            Err(error)
        }
    }
}

/// Tells Python what goes over the wire.
struct OnWire {
    on_wire: Py<PyAny>,
    raised: Raised,
}

impl Listener for OnWire {
    fn saw(&mut self, sightings: &[Sighting]) -> Result<()> {
        let told = Python::attach(|py| {
            sightings.iter().try_for_each(|one| self.on_wire.call1(py, (data::to_python(py, one)?,)).map(drop))
        });
        told.map_err(|problem| self.raised.keep(problem))
    }
}

/// What a listener raised, kept for the end of the job: it is his, and no error of the engine.
#[derive(Clone, Default)]
struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    /// The engine's word for it meanwhile.
    fn keep(&self, problem: PyErr) -> Error {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
        Error::Interrupted
    }

    fn instead_of<T>(&self, outcome: PyResult<T>) -> PyResult<T> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(problem) => Err(problem),
            None => outcome,
        }
    }
}

//! The server for Python.

use std::os::fd::RawFd;

use pyo3::prelude::*;
use tlstool_engine::{Error, IdentitySpec, NamedIdentity, ServeEvent, ServerSpec};

use crate::{data, job};

/// Built once, before anyone is told that there is a server.
#[pyclass(frozen, module = "tlstool._native")]
pub struct ServerConfig(tlstool_engine::ServerConfig);

#[pymethods]
impl ServerConfig {
    #[new]
    fn new(py: Python<'_>, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let spec: ServerSpec = data::from_python(spec)?;
        job::run(py, |_| tlstool_engine::ServerConfig::new(&spec)).map(Self)
    }

    /// Show these from the next handshake on, at the site of this number; also while the server runs, from another thread.
    fn present(
        &self,
        py: Python<'_>,
        site: usize,
        identities: Vec<PyRef<'_, ServerIdentity>>,
        named: Vec<(String, PyRef<'_, ServerIdentity>)>,
    ) -> PyResult<()> {
        let identities = identities.into_iter().map(|identity| identity.0.clone()).collect();
        let named = named.into_iter().map(|(name, identity)| NamedIdentity { name, identity: identity.0.clone() });
        let named = named.collect();
        job::run(py, |_| self.0.present(site, identities, named))
    }
}

/// A chain with its key and staple, checked once, for any number of calls of `present`.
#[pyclass(frozen, module = "tlstool._native")]
pub struct ServerIdentity(tlstool_engine::ServerIdentity);

#[pymethods]
impl ServerIdentity {
    #[new]
    fn new(py: Python<'_>, spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let spec: IdentitySpec = data::from_python(spec)?;
        job::run(py, |_| tlstool_engine::ServerIdentity::new(&spec)).map(Self)
    }
}

/// Serve on the listening sockets of each site until `stop_fd` becomes readable, then let connections end; a second byte stops
/// at once. `on_turn` is called a few times a second, whatever happens.
#[pyfunction]
#[pyo3(signature = (config, fds, on_connection, stop_fd, on_counts=None, on_turn=None))]
pub fn serve<'py>(
    py: Python<'py>,
    config: &ServerConfig,
    fds: Vec<Vec<RawFd>>,
    on_connection: Py<PyAny>,
    stop_fd: RawFd,
    on_counts: Option<Py<PyAny>>,
    on_turn: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    // What the listener raises is raised here in the end: it is his, and no error of the engine.
    let mut raised = None;
    let raising = &mut raised;
    let outcome = job::run(py, move |interrupt| {
        tlstool_engine::serve(&config.0, &fds, stop_fd, interrupt, &mut |events| {
            let told = Python::attach(|py| {
                tell(py, &on_connection, on_counts.as_ref(), &events)?;
                on_turn.as_ref().map_or(Ok(()), |on_turn| on_turn.call0(py).map(drop))
            });
            told.map_err(|problem| {
                *raising = Some(problem);
                Error::Interrupted
            })
        })
    });
    match raised {
        Some(raised) => Err(raised),
        None => data::to_python(py, &outcome?),
    }
}

fn tell(
    py: Python<'_>,
    on_connection: &Py<PyAny>,
    on_counts: Option<&Py<PyAny>>,
    events: &[ServeEvent],
) -> PyResult<()> {
    for event in events {
        match (event, on_counts) {
            (ServeEvent::Connection(connection), _) => {
                on_connection.call1(py, (data::to_python(py, &**connection)?,))?;
            }
            (ServeEvent::Counts(counts), Some(on_counts)) => {
                on_counts.call1(py, (data::to_python(py, counts)?,))?;
            }
            (ServeEvent::Counts(_), None) => {}
        }
    }
    Ok(())
}

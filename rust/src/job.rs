//! Running a job of the engine: the interpreter lock let go, Ctrl-C heard, panics caught.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use pyo3::prelude::*;
use tlstool_engine::{Error, Interrupt, Result};

use crate::door;

/// Ctrl-C, as Python sees it. The exception that the signal's handler raised is kept for the end of the job.
#[derive(Default)]
struct Signals(Mutex<Option<PyErr>>);

impl Interrupt for Signals {
    // The method itself is not general enough in its lifetimes.
    #[allow(clippy::redundant_closure_for_method_calls)]
    fn interrupted(&self) -> bool {
        let raised = match Python::try_attach(|py| py.check_signals()) {
            Some(Ok(())) => return false,
            Some(Err(raised)) => raised,
            // The interpreter is on its way to its end, and nobody waits for the job any more.
            None => return true,
        };
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(raised);
        true
    }
}

/// Do `job` without the interpreter lock.
///
/// A job that was interrupted raises what the signal's handler did, KeyboardInterrupt as a rule. A panic becomes an internal error.
pub fn run<T: Send>(py: Python<'_>, job: impl FnOnce(&dyn Interrupt) -> Result<T> + Send) -> PyResult<T> {
    let signals = Signals::default();
    let outcome = py.detach(|| catch_unwind(AssertUnwindSafe(|| job(&signals))));
    let raised = signals.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    match (outcome, raised) {
        (Ok(Ok(value)), _) => Ok(value),
        (Ok(Err(Error::Interrupted)), Some(raised)) => Err(raised),
        (Ok(Err(error)), _) => Err(door::to_python(py, &error)),
        (Err(panic), _) => Err(door::to_python(py, &Error::panicked(&*panic))),
    }
}

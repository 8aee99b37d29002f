//! A measurement on several threads: all begin together, and each runs its own connections.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::work::{LocalFigures, Worker};
use crate::wait::TICK;
use crate::{Error, Interrupt, Result, crew};

/// Run every worker for so long on a thread of its own. The figures are in the order of the workers.
pub fn run(workers: &mut [Worker], length: Duration, interrupt: &dyn Interrupt) -> Result<Vec<LocalFigures>> {
    let count = workers.len();
    let (halted, started, ended) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let go_on = || if halted.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) };
    let work = |worker: &mut Worker| {
        started.fetch_add(1, Ordering::AcqRel);
        while started.load(Ordering::Acquire) < count {
            if go_on().is_err() {
                return Ok(None);
            }
            std::thread::yield_now();
        }
        match worker.run(length, &mut || go_on()) {
            // Who was told to end has nothing to say; who told it has.
            Err(Error::Interrupted) => Ok(None),
            outcome => outcome.map(Some),
        }
    };
    let caller = std::thread::current();
    let halt = || halted.store(true, Ordering::Relaxed);
    let gone = || {
        ended.fetch_add(1, Ordering::AcqRel);
        caller.unpark();
    };
    let watch = || {
        while ended.load(Ordering::Acquire) < count {
            std::thread::park_timeout(TICK);
            if interrupt.interrupted() {
                return Err(Error::Interrupted);
            }
        }
        Ok(())
    };
    let ((), figures) = crew::run(workers.iter_mut().collect(), work, halt, gone, watch)?;
    Ok(figures.into_iter().flatten().collect())
}

//! The worker threads of a job: all end if one fails, and none is left behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::{Error, Result};

/// Run `work` with each of `workers` in a thread of its own and `watch` in this one, until all have ended.
///
/// `halt` makes the workers end soon. It is called if one of them or `watch` fails or panics, or if a thread cannot be started.
/// `ended` is called once for each worker, when it has ended.
pub fn run<W: Send, T: Send, V>(
    workers: Vec<W>,
    work: impl Fn(W) -> Result<T> + Sync,
    halt: impl Fn() + Sync,
    ended: impl Fn() + Sync,
    watch: impl FnOnce() -> Result<V>,
) -> Result<(V, Vec<T>)> {
    let (work, halt, ended) = (&work, &halt, &ended);
    thread::scope(|scope| {
        let mut threads = Vec::with_capacity(workers.len());
        let mut failure = None;
        for worker in workers {
            let started = thread::Builder::new().spawn_scoped(scope, move || {
                let outcome = caught(|| work(worker));
                if outcome.is_err() {
                    halt();
                }
                ended();
                outcome
            });
            match started {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    failure.get_or_insert(Error::no_thread(error));
                    halt();
                    ended();
                }
            }
        }
        let watched = caught(watch);
        if watched.is_err() {
            halt();
        }
        let mut parts = Vec::with_capacity(threads.len());
        for thread in threads {
            match thread.join().unwrap_or_else(|panic| Err(Error::panicked(&*panic))) {
                Ok(part) => parts.push(part),
                Err(error) => drop(failure.get_or_insert(error)),
            }
        }
        let value = watched?;
        failure.map_or(Ok((value, parts)), Err)
    })
}

fn caught<T>(job: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| Err(Error::panicked(&*panic)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    /// Two workers that work until they are halted, but for one that does `first` instead.
    fn outcome(first: impl Fn() -> Result<()> + Sync, watch: impl FnOnce() -> Result<()>) -> Result<usize> {
        let (halted, ended) = (AtomicBool::new(false), AtomicUsize::new(0));
        let work = |number| {
            if number == 0 {
                first()?;
            }
            let begun = Instant::now();
            while !halted.load(Ordering::Relaxed) {
                assert!(begun.elapsed() < Duration::from_secs(20));
                thread::yield_now();
            }
            Ok(number)
        };
        let halt = || halted.store(true, Ordering::Relaxed);
        let count = || {
            ended.fetch_add(1, Ordering::Relaxed);
        };
        let outcome = run(vec![0, 1], work, halt, count, || {
            watch()?;
            while ended.load(Ordering::Relaxed) < 2 {
                thread::yield_now();
            }
            Ok(())
        });
        assert_eq!(ended.into_inner(), 2);
        outcome.map(|((), parts)| parts.len())
    }

    #[test]
    fn one_that_fails_or_panics_ends_all() {
        assert_eq!(outcome(|| Err(Error::TimeLimit), || Ok(())), Err(Error::TimeLimit));
        assert_eq!(outcome(|| panic!("oh"), || Ok(())).map_err(|error| error.code()), Err("internal-error"));
    }

    #[test]
    fn a_watch_that_fails_or_panics_ends_all() {
        assert_eq!(outcome(|| Ok(()), || Err(Error::Interrupted)), Err(Error::Interrupted));
        assert_eq!(outcome(|| Ok(()), || panic!("oh")).map_err(|error| error.code()), Err("internal-error"));
    }
}

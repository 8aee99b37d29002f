//! Handshakes in a closed loop against one address: so many connections at any time, over worker threads inside the engine.

mod lane;
mod tally;
mod worker;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use rustls::client::Resumption;
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};

use crate::wait::TICK;
use crate::{ClientConfig, Error, Interrupt, Result, crew};
use tally::Tally;
use worker::Worker;

/// `tlstool.model.LoadPlan`, made `plain`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadPlan {
    pub address: String,
    pub port: u16,
    pub connections: usize,
    pub threads: usize,
    pub duration: f64,
    pub count: Option<u64>,
    pub resume: bool,
    pub handshake_limit: f64,
}

/// `tlstool.model.LoadResult`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadResult {
    pub handshakes: u64,
    pub full: u64,
    pub resumed: u64,
    pub errors: BTreeMap<&'static str, u64>,
    pub elapsed_ms: f64,
    pub handshakes_per_s: f64,
    pub p50_ms: Option<f64>,
    pub p90_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
    pub histogram: String,
    pub cpu_us_per_handshake: Option<f64>,
    pub interrupted: bool,
}

/// Run `plan`. A handshake counts once it is complete on our side and all that we had to say of it is in the socket.
///
/// Failures are counted by their code and do not end the run; an interrupt ends it early, with what was measured.
pub fn load(plan: &LoadPlan, config: &ClientConfig, interrupt: &dyn Interrupt) -> Result<LoadResult> {
    let job = Job::new(plan, config)?;
    let threads = plan.threads.min(plan.connections);
    let mut workers = Vec::with_capacity(threads);
    for number in 0..threads {
        // The first workers take what does not divide evenly.
        let lanes = plan.connections / threads + usize::from(number < plan.connections % threads);
        // Each worker has its own sessions: one store for all would make them wait for each other.
        let resumption = if plan.resume { Resumption::in_memory_sessions(lanes) } else { Resumption::disabled() };
        workers.push(Worker::new(&job, config.enforced(resumption), lanes)?);
    }
    let cpu = cpu_time();
    let start = Instant::now();
    let (tally, interrupted) = run(workers, &job, start, interrupt)?;
    let cpu = cpu_time().saturating_sub(cpu);
    tally.result(cpu, interrupted)
}

/// What all workers have in common.
struct Job {
    target: SocketAddr,
    name: ServerName<'static>,
    duration: Duration,
    handshake_limit: Duration,
    /// Whether to wait for a ticket after each handshake.
    resume: bool,
    /// Handshakes that nobody has taken on yet; None for any number.
    remaining: Option<AtomicU64>,
    halted: AtomicBool,
    working: AtomicUsize,
}

impl Job {
    fn new(plan: &LoadPlan, config: &ClientConfig) -> Result<Self> {
        if plan.connections == 0 || plan.threads == 0 {
            return Err(Error::Usage("load needs at least one connection and one thread".to_owned()));
        }
        if config.framing().is_some() {
            return Err(Error::Unsupported("a load is of plain TLS connections alone".to_owned()));
        }
        let address: IpAddr =
            plan.address.parse().map_err(|_| Error::Usage(format!("{:?} is no IP address", plan.address)))?;
        let seconds = |name: &str, value: f64| {
            Duration::try_from_secs_f64(value)
                .ok()
                .filter(|duration| Instant::now().checked_add(*duration).is_some())
                .ok_or_else(|| Error::Usage(format!("{name} is {value}, which is no time")))
        };
        Ok(Self {
            target: SocketAddr::new(address, plan.port),
            name: config.server_name(),
            duration: seconds("duration", plan.duration)?,
            handshake_limit: seconds("handshake_limit", plan.handshake_limit)?,
            resume: plan.resume,
            remaining: plan.count.map(AtomicU64::new),
            halted: AtomicBool::new(false),
            working: AtomicUsize::new(plan.threads.min(plan.connections)),
        })
    }

    /// Take on one more handshake, if any is left to do.
    fn claim(&self) -> bool {
        self.remaining.as_ref().is_none_or(|remaining| {
            remaining.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        })
    }
}

fn run(workers: Vec<Worker<'_>>, job: &Job, start: Instant, interrupt: &dyn Interrupt) -> Result<(Tally, bool)> {
    let caller = std::thread::current();
    let halt = || job.halted.store(true, Ordering::Relaxed);
    let ended = || {
        job.working.fetch_sub(1, Ordering::AcqRel);
        caller.unpark();
    };
    let watch = || {
        let mut interrupted = false;
        while job.working.load(Ordering::Acquire) > 0 {
            std::thread::park_timeout(TICK);
            if !interrupted && interrupt.interrupted() {
                interrupted = true;
                halt();
            }
        }
        Ok(interrupted)
    };
    let (interrupted, parts) = crew::run(workers, |worker| worker.run(start), halt, ended, watch)?;
    let mut total = Tally::new()?;
    for part in &parts {
        total.add(part)?;
    }
    Ok((total, interrupted))
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

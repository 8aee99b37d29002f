//! What the work of client and server costs: each side's time on two clocks, or the memory that it takes.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::sys;

/// Empty sections that are timed to learn what timing itself takes, and how often: the median counts.
const SECTIONS: u32 = 500;
const REPEATS: usize = 21;

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What the work of one side took.
#[derive(Debug, Default, Clone, Copy)]
pub struct Cost {
    /// On the wall's clock.
    pub wall: Duration,
    /// On the thread's own clock, which stands still while another thread has the core; reading it is in here.
    pub cpu: Duration,
    /// Bytes of heap that the work took, less those that it gave back.
    pub heap: i64,
    /// How often the work was begun.
    pub sections: u32,
}

impl Cost {
    fn add(&mut self, other: &Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
        self.heap += other.heap;
        self.sections += other.sections;
    }
}

/// What is read where a side's work begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gauge {
    Nothing,
    Clocks,
    Heap,
}

/// What client and server have spent.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    gauge: Gauge,
    pub client: Cost,
    pub server: Cost,
}

impl Spent {
    /// Nothing is measured: for what is on nobody's clock.
    pub fn unmeasured() -> Self {
        Self { gauge: Gauge::Nothing, client: Cost::default(), server: Cost::default() }
    }

    /// Time is measured.
    pub fn clocks() -> Self {
        Self { gauge: Gauge::Clocks, ..Self::unmeasured() }
    }

    /// Memory is measured, where [`sys::heap_in_use`] is to be had.
    pub fn heap() -> Self {
        Self { gauge: Gauge::Heap, ..Self::unmeasured() }
    }

    pub fn add(&mut self, other: &Self) {
        self.client.add(&other.client);
        self.server.add(&other.server);
    }

    /// Do `work` for `side`.
    pub fn on<T>(&mut self, side: Side, work: impl FnOnce() -> T) -> T {
        let cost = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        match self.gauge {
            Gauge::Nothing => work(),
            Gauge::Clocks => timed(cost, work),
            Gauge::Heap => weighed(cost, work),
        }
    }
}

/// What it costs to time work that does nothing, a section.
#[derive(Debug, Clone, Copy)]
pub struct Overhead {
    /// What the wall's clock shows of it.
    pub wall: Duration,
    /// What the thread's clock shows: reading a clock of the thread is a system call.
    pub cpu: Duration,
}

impl Overhead {
    /// Measured on this thread, in some milliseconds.
    pub fn measure() -> Self {
        let mut rounds: Vec<Cost> = (0..REPEATS)
            .map(|_| {
                let mut spent = Spent::clocks();
                for _ in 0..SECTIONS {
                    spent.on(Side::Client, || std::hint::black_box(()));
                }
                spent.client
            })
            .collect();
        let mut middle = |of: fn(&Cost) -> Duration| {
            rounds.sort_by_key(of);
            of(&rounds[REPEATS / 2]) / SECTIONS
        };
        Self { wall: middle(|cost| cost.wall), cpu: middle(|cost| cost.cpu) }
    }

    /// The time that a side's work took on the thread's clock, without the reading of it.
    pub fn cpu_of(&self, cost: &Cost) -> Duration {
        cost.cpu.saturating_sub(self.cpu.saturating_mul(cost.sections))
    }
}

/// The wall's clock is read next to the work, so that it sees nothing of the other one.
fn timed<T>(cost: &mut Cost, work: impl FnOnce() -> T) -> T {
    let cpu = thread_time();
    let wall = Instant::now();
    let result = work();
    cost.wall += wall.elapsed();
    cost.cpu += thread_time().saturating_sub(cpu);
    cost.sections += 1;
    result
}

fn weighed<T>(cost: &mut Cost, work: impl FnOnce() -> T) -> T {
    let before = sys::heap_in_use();
    let result = work();
    if let (Some(before), Some(after)) = (before, sys::heap_in_use()) {
        cost.heap += after - before;
    }
    cost.sections += 1;
    result
}

/// User and system time of this thread so far.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_pays_for_its_own_work() {
        let mut spent = Spent::clocks();
        let answer = spent.on(Side::Client, || (0..100_000_u64).map(std::hint::black_box).sum::<u64>());
        assert_eq!(answer, 4_999_950_000);
        assert!(spent.client.wall > Duration::ZERO && spent.client.cpu > Duration::ZERO);
        assert_eq!((spent.server.wall, spent.server.sections), (Duration::ZERO, 0));
    }

    #[test]
    fn what_is_unmeasured_costs_nobody_anything() {
        let mut spent = Spent::unmeasured();
        spent.on(Side::Server, || std::hint::black_box(vec![0_u8; 100]));
        assert_eq!((spent.server.wall, spent.server.heap, spent.server.sections), (Duration::ZERO, 0, 0));
    }

    #[test]
    fn memory_that_is_kept_is_on_the_account_of_who_took_it() {
        if sys::heap_in_use().is_none() {
            return;
        }
        let mut spent = Spent::heap();
        // Large enough that what other tests of this process do meanwhile is small beside it.
        let kept = spent.on(Side::Server, || std::hint::black_box(vec![1_u8; 256 << 20]));
        assert!(spent.server.heap > 128 << 20, "{}", spent.server.heap);
        spent.on(Side::Client, || drop(kept));
        assert!(spent.client.heap < -(128 << 20), "{}", spent.client.heap);
    }

    #[test]
    fn reading_the_clock_is_no_work() {
        let overhead = Overhead { wall: Duration::ZERO, cpu: Duration::from_nanos(100) };
        let cost = Cost { cpu: Duration::from_micros(1), sections: 4, ..Cost::default() };
        assert_eq!(overhead.cpu_of(&cost), Duration::from_nanos(600));
        let nothing = Cost { cpu: Duration::from_nanos(50), sections: 1, ..Cost::default() };
        assert_eq!(overhead.cpu_of(&nothing), Duration::ZERO);
    }
}

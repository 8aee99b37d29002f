//! What was measured: by each worker for itself, then added up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::LoadResult;
use crate::Result;
use crate::latency::Latency;

pub struct Tally {
    full: u64,
    resumed: u64,
    errors: BTreeMap<&'static str, u64>,
    latency: Latency,
    elapsed: Duration,
}

impl Tally {
    pub fn new() -> Result<Self> {
        Ok(Self { full: 0, resumed: 0, errors: BTreeMap::new(), latency: Latency::new()?, elapsed: Duration::ZERO })
    }

    pub fn handshake(&mut self, resumed: bool, latency: Duration) {
        if resumed {
            self.resumed += 1;
        } else {
            self.full += 1;
        }
        self.latency.record(latency);
    }

    pub fn error(&mut self, code: &'static str) {
        *self.errors.entry(code).or_default() += 1;
    }

    /// The worker has ended, so long after the start.
    pub fn ended(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
    }

    pub fn add(&mut self, part: &Self) -> Result<()> {
        self.full += part.full;
        self.resumed += part.resumed;
        for (code, count) in &part.errors {
            *self.errors.entry(code).or_default() += count;
        }
        self.elapsed = self.elapsed.max(part.elapsed);
        self.latency.add(&part.latency)
    }

    pub fn result(self, cpu: Duration, interrupted: bool) -> Result<LoadResult> {
        let handshakes = self.full + self.resumed;
        let millis = |nanoseconds: u64| float(nanoseconds) / 1e6;
        let quantile = |part: f64| self.latency.quantile(part).map(millis);
        let seconds = self.elapsed.as_secs_f64();
        Ok(LoadResult {
            handshakes,
            full: self.full,
            resumed: self.resumed,
            elapsed_ms: seconds * 1e3,
            handshakes_per_s: if seconds > 0.0 { float(handshakes) / seconds } else { 0.0 },
            p50_ms: quantile(0.5),
            p90_ms: quantile(0.9),
            p99_ms: quantile(0.99),
            max_ms: self.latency.max().map(millis),
            histogram: self.latency.encoded()?,
            cpu_us_per_handshake: (handshakes > 0).then(|| cpu.as_secs_f64() * 1e6 / float(handshakes)),
            interrupted,
            errors: self.errors,
        })
    }
}

/// Exact up to 2^53, of which neither handshakes nor nanoseconds come near.
#[allow(clippy::cast_precision_loss)]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_measured_is_null_and_not_zero() {
        let result = Tally::new().unwrap().result(Duration::from_secs(1), false).unwrap();
        assert_eq!((result.p50_ms, result.max_ms, result.cpu_us_per_handshake), (None, None, None));
        assert_eq!((result.handshakes, result.elapsed_ms), (0, 0.0));
    }

    #[test]
    fn parts_add_up_and_the_longest_time_counts() {
        let mut total = Tally::new().unwrap();
        for (resumed, millis) in [(false, 1), (true, 3)] {
            let mut part = Tally::new().unwrap();
            part.handshake(resumed, Duration::from_millis(millis));
            part.error("time-limit");
            part.ended(Duration::from_secs(millis));
            total.add(&part).unwrap();
        }
        let result = total.result(Duration::from_micros(500), true).unwrap();
        assert_eq!((result.handshakes, result.full, result.resumed), (2, 1, 1));
        assert_eq!(result.errors, BTreeMap::from([("time-limit", 2)]));
        assert!((result.elapsed_ms - 3000.0).abs() < 1e-9 && result.interrupted);
        // Three significant digits.
        assert!(result.max_ms.is_some_and(|max| (max - 3.0).abs() < 0.003));
        assert_eq!(result.cpu_us_per_handshake, Some(250.0));
        assert!(result.histogram.starts_with("HISTFAAAA"));
    }
}

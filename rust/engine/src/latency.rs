//! How long something took each time, as an `HdrHistogram`: three significant digits, and parts add up exactly.

use std::time::Duration;

use data_encoding::BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::{Error, Result};

/// Latencies beyond this count as this.
const LONGEST_NS: u64 = 60_000_000_000;

/// Durations, counted in nanoseconds.
#[derive(Clone)]
pub struct Latency(Histogram<u64>);

impl Latency {
    pub fn new() -> Result<Self> {
        Histogram::new_with_bounds(1, LONGEST_NS, 3).map(Self).map_err(|error| internal(&error))
    }

    pub fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(LONGEST_NS).max(1));
    }

    pub fn add(&mut self, part: &Self) -> Result<()> {
        self.0.add(&part.0).map_err(|error| internal(&error))
    }

    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Nanoseconds within which so large a part of all stays; None if there is nothing.
    pub fn quantile(&self, part: f64) -> Option<u64> {
        (self.count() > 0).then(|| self.0.value_at_quantile(part))
    }

    /// The longest, in nanoseconds; None if there is nothing.
    pub fn max(&self) -> Option<u64> {
        (self.count() > 0).then(|| self.0.max())
    }

    /// All of it in the compressed V2 format of `HdrHistogram`, as base64.
    pub fn encoded(&self) -> Result<String> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.0, &mut bytes).map_err(|error| internal(&error))?;
        Ok(BASE64.encode(&bytes))
    }
}

fn internal(error: &dyn std::fmt::Display) -> Error {
    Error::Internal(format!("the latency histogram: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_recorded_is_none_and_not_zero() {
        let latency = Latency::new().unwrap();
        assert_eq!((latency.count(), latency.quantile(0.5), latency.max()), (0, None, None));
    }

    #[test]
    fn parts_add_up() {
        let mut total = Latency::new().unwrap();
        for millis in [1, 3] {
            let mut part = Latency::new().unwrap();
            part.record(Duration::from_millis(millis));
            total.add(&part).unwrap();
        }
        assert_eq!(total.count(), 2);
        // Three significant digits.
        assert!(total.max().is_some_and(|max| max.abs_diff(3_000_000) < 3_000));
        assert!(total.encoded().unwrap().starts_with("HISTFAAAA"));
        total.clear();
        assert_eq!(total.count(), 0);
    }

    #[test]
    fn what_lasts_forever_counts_as_the_longest() {
        let mut latency = Latency::new().unwrap();
        latency.record(Duration::MAX);
        assert!(latency.max().is_some_and(|max| max >= LONGEST_NS));
    }
}

//! From the spec to what the workers go by.

use std::time::Duration;

use serde::Deserialize;

use super::limits::{Limits, LimitsSpec};
use super::site::{Site, SiteSpec};
use crate::{Error, Result};

/// `tlstool.model.ServerConfig`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSpec {
    pub sites: Vec<SiteSpec>,
    pub limits: LimitsSpec,
    pub threads: usize,
    pub count: Option<u64>,
    pub duration: Option<f64>,
    pub grace: f64,
    pub tells: Tells,
    pub counts_every: Option<f64>,
}

/// What is told of each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tells {
    Nothing,
    /// How it was, once it has ended.
    Connections,
    /// And all that its client offered.
    Hellos,
}

/// A server made ready, once: what it refuses it refuses here, before anything listens.
pub struct ServerConfig {
    pub sites: Vec<Site>,
    pub limits: Limits,
    pub grace: Duration,
    pub threads: usize,
    pub count: Option<u64>,
    pub duration: Option<Duration>,
    pub tells: Tells,
    pub counts_every: Option<Duration>,
}

impl ServerConfig {
    pub fn new(spec: &ServerSpec) -> Result<Self> {
        if spec.threads == 0 {
            return Err(Error::Usage("a server needs at least one thread".to_owned()));
        }
        Ok(Self {
            sites: spec
                .sites
                .iter()
                .enumerate()
                .map(|(number, site)| Site::new(number, site, spec.tells))
                .collect::<Result<_>>()?,
            limits: Limits::new(&spec.limits)?,
            grace: duration("grace", spec.grace)?,
            threads: spec.threads,
            count: spec.count,
            duration: spec.duration.map(|seconds| duration("duration", seconds)).transpose()?,
            tells: spec.tells,
            counts_every: spec.counts_every.map(|seconds| duration("counts_every", seconds)).transpose()?,
        })
    }
}

/// A time in seconds that the caller gave.
pub fn duration(name: &str, seconds: f64) -> Result<Duration> {
    /// Ten years: more would overflow the clock on some systems.
    const LONGEST: f64 = 315_360_000.0;
    Duration::try_from_secs_f64(seconds.min(LONGEST))
        .map_err(|_| Error::Usage(format!("{name} is {seconds}, which is no time")))
}

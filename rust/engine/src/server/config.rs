//! From the spec to what the workers go by.

use std::time::Duration;

use serde::Deserialize;

use super::identities::{NamedIdentity, ServerIdentity};
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
    pub keeps_sockets: bool,
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
    pub keeps_sockets: bool,
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
            keeps_sockets: spec.keeps_sockets,
            tells: spec.tells,
            counts_every: spec.counts_every.map(|seconds| duration("counts_every", seconds)).transpose()?,
        })
    }

    /// From the next handshake on, have the site of this number show these; may be called while it serves.
    pub fn present(&self, site: usize, given: Vec<ServerIdentity>, named: Vec<NamedIdentity>) -> Result<()> {
        let site = self.sites.get(site).ok_or_else(|| Error::Usage(format!("there is no site {site}")))?;
        site.identities.renew(given, named)
    }
}

/// A time in seconds that the caller gave.
pub fn duration(name: &str, seconds: f64) -> Result<Duration> {
    /// Ten years: more would overflow the clock on some systems.
    const LONGEST: f64 = 315_360_000.0;
    Duration::try_from_secs_f64(seconds.min(LONGEST))
        .map_err(|_| Error::Usage(format!("{name} is {seconds}, which is no time")))
}

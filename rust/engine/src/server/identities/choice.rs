//! Which certificate a client is shown: names decide first, then what the client can verify, then the order in which they were given.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;

use super::{NamedIdentity, ServerIdentity};

/// Why there is nothing to be shown to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Nothing is for the name that it asks for, or for clients that ask for none.
    Name,
    /// No key signs in a way that it can verify.
    Scheme,
}

/// All identities of a site at one time.
#[derive(Debug, Default)]
pub struct Choice {
    by_name: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what follows `*.`: such a name stands for one label (RFC 9525 section 6.3).
    by_parent: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For all whose name is not known.
    default: Vec<Arc<CertifiedKey>>,
}

impl Choice {
    /// `named` go by the name that they were given, `given` by those of their certificates, and come after the others. The
    /// default is `given`, or the first of `named` where there are none.
    pub fn new(given: &[ServerIdentity], named: &[NamedIdentity]) -> Self {
        let mut choice = Self::default();
        for NamedIdentity { name, identity } in named {
            choice.insert(name, &identity.key);
        }
        for identity in given {
            for name in &*identity.names {
                choice.insert(name, &identity.key);
            }
        }
        choice.default = given.iter().map(|identity| Arc::clone(&identity.key)).collect();
        if let (true, Some(first)) = (given.is_empty(), named.first()) {
            choice.default.push(Arc::clone(&first.identity.key));
        }
        choice
    }

    /// What to show to a client that asks for `name` and can verify `schemes`. If `strict`, there is nothing for who asks for
    /// another name than those that are known.
    pub fn pick(
        &self,
        name: Option<&str>,
        schemes: &[SignatureScheme],
        strict: bool,
    ) -> Result<&Arc<CertifiedKey>, Lack> {
        let is_usable = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        let mut known = name.into_iter().flat_map(|name| self.of_name(name)).peekable();
        if known.peek().is_some() {
            return known.find(is_usable).ok_or(Lack::Scheme);
        }
        if strict || self.default.is_empty() {
            return Err(Lack::Name);
        }
        self.default.iter().find(is_usable).ok_or(Lack::Scheme)
    }

    fn insert(&mut self, name: &str, key: &Arc<CertifiedKey>) {
        let (map, name) = match name.strip_prefix("*.") {
            Some(parent) => (&mut self.by_parent, parent),
            None => (&mut self.by_name, name),
        };
        map.entry(name.to_owned()).or_default().push(Arc::clone(key));
    }

    /// Those for just this name, then those for all names beside it.
    fn of_name(&self, name: &str) -> impl Iterator<Item = &Arc<CertifiedKey>> {
        let beside = name.split_once('.').and_then(|(_, parent)| self.by_parent.get(parent));
        self.by_name.get(name).into_iter().chain(beside).flatten()
    }
}

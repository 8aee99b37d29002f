//! Which certificate a client is shown: names decide first, then what the client can verify, then the order in which they were given.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;

use super::{NamedIdentity, ServerIdentity};

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

    /// What to show to a client that asks for `name` and can verify `schemes`; None if `strict` and the name is not known, or if
    /// there is nothing to show.
    ///
    /// Where none of several can be verified it is the first one: rustls then tells the client that nothing is in common.
    pub fn pick(&self, name: Option<&str>, schemes: &[SignatureScheme], strict: bool) -> Option<&Arc<CertifiedKey>> {
        let known = name.and_then(|name| first_usable(self.of_name(name), schemes));
        known.or_else(|| if strict { None } else { first_usable(self.default.iter(), schemes) })
    }

    fn insert(&mut self, name: &str, key: &Arc<CertifiedKey>) {
        let (map, name) = match name.strip_prefix("*.") {
            Some(parent) => (&mut self.by_parent, parent),
            None => (&mut self.by_name, name),
        };
        map.entry(name.to_owned()).or_default().push(Arc::clone(key));
    }

    /// Those for just this name, then those for all names beside it.
    fn of_name(&self, name: &str) -> impl Iterator<Item = &Arc<CertifiedKey>> + Clone {
        let beside = name.split_once('.').and_then(|(_, parent)| self.by_parent.get(parent));
        self.by_name.get(name).into_iter().chain(beside).flatten()
    }
}

fn first_usable<'a>(
    mut keys: impl Iterator<Item = &'a Arc<CertifiedKey>> + Clone,
    schemes: &[SignatureScheme],
) -> Option<&'a Arc<CertifiedKey>> {
    let first = keys.clone().next();
    keys.find(|key| key.key.choose_scheme(schemes).is_some()).or(first)
}

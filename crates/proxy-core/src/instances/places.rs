//! Machines whose addresses a platform tells, and how each of their ports is reached.
//!
//! **Invariant**: what is connected to is an address that was admitted, written as such: no name is looked up in between.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use url::Url;

use crate::{config::sections::ReachConfig, tenant::Kind, upstream::Upstream};

/// Most addresses that are remembered before those go that nobody uses.
const MANY: usize = 1_024;

/// How machines are reached.
#[derive(Debug)]
pub struct Places {
    ports: Vec<(Arc<str>, u16)>,
    kind: Kind,
    config: ReachConfig,
    /// Which machine had an address last, by what the platform says.
    owners: Mutex<HashMap<IpAddr, (String, Place)>>,
}

/// An address that may be connected to, and what is there.
#[derive(Clone, Debug)]
pub struct Place {
    /// The address as it is connected to.
    pub address: IpAddr,
    upstreams: Arc<[Upstream]>,
    /// Set once another machine has the address.
    taken: Arc<AtomicBool>,
}

impl Places {
    /// Places with these ports, each with the name that callers read in errors.
    #[must_use]
    pub fn new(ports: Vec<(Arc<str>, u16)>, kind: Kind, config: &ReachConfig) -> Self {
        Self {
            ports,
            kind,
            config: config.clone(),
            owners: Mutex::default(),
        }
    }

    /// The place of the machine `id`, which is at `address` now. `None`: that may not be connected to.
    #[must_use]
    pub fn place(&self, address: IpAddr, id: &str) -> Option<Place> {
        let address = self.config.networks.admit(address)?;
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        match owners.get(&address) {
            Some((owner, place)) if owner == id => return Some(place.clone()),
            Some((_, place)) => place.taken.store(true, Ordering::Relaxed),
            None => {}
        }
        if owners.len() >= MANY {
            owners.retain(|_, (_, place)| Arc::strong_count(&place.taken) > 1);
        }
        let place = Place {
            address,
            upstreams: self.upstreams(address)?,
            taken: Arc::default(),
        };
        owners.insert(address, (id.to_owned(), place.clone()));
        Some(place)
    }

    fn upstreams(&self, address: IpAddr) -> Option<Arc<[Upstream]>> {
        let upstreams = self.ports.iter().map(|(name, port)| {
            let url = Url::parse(&format!("http://{}/", SocketAddr::new(address, *port))).ok()?;
            let plain = Upstream::new(name, &url, &self.kind, self.config.timeouts)?;
            Some(Upstream {
                reuse: self.config.reuse,
                max_request_body: self.config.max_request_body_bytes,
                ..plain
            })
        });
        upstreams.collect()
    }
}

impl Place {
    /// How the port of this number is reached.
    #[must_use]
    pub fn upstream(&self, port: usize) -> Option<&Upstream> {
        self.upstreams.get(port)
    }

    /// Whether the address has become another machine's.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }
}

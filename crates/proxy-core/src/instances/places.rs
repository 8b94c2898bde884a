//! Machines whose addresses a platform tells, and how each of their ports is reached.
//!
//! **Invariant**: what is connected to is an address that was admitted, written as such: no name is looked up in between.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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
    known: Mutex<Known>,
}

/// What the platform said last.
#[derive(Debug, Default)]
struct Known {
    /// Which machine had an address.
    owners: HashMap<IpAddr, (String, Place)>,
    /// Which address a machine had.
    homes: HashMap<String, IpAddr>,
}

/// An address that may be connected to, and what is there.
#[derive(Clone, Debug)]
pub struct Place {
    /// The address as it is connected to.
    pub address: IpAddr,
    upstreams: Arc<[Upstream]>,
    /// Set once another machine has the address, or this one has another.
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
            known: Mutex::default(),
        }
    }

    /// The place of the machine `id`, which is at `address` now. `None`: that may not be connected to.
    #[must_use]
    pub fn place(&self, address: IpAddr, id: &str) -> Option<Place> {
        let address = self.config.networks.admit(address);
        let mut known = self.known();
        known.leave(id, address);
        let address = address?;
        match known.owners.get(&address) {
            Some((owner, place)) if owner == id => return Some(place.clone()),
            Some((_, place)) => place.taken.store(true, Ordering::Relaxed),
            None => {}
        }
        known.make_room();
        let place = Place {
            address,
            upstreams: self.upstreams(address)?,
            taken: Arc::default(),
        };
        known.owners.insert(address, (id.to_owned(), place.clone()));
        known.homes.insert(id.to_owned(), address);
        Some(place)
    }

    /// The machine `id` is nowhere now: where it was, another may be.
    pub fn left(&self, id: &str) {
        self.known().leave(id, None);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Known {
    /// The machine `id` is not where it was, unless that is `now`.
    fn leave(&mut self, id: &str, now: Option<IpAddr>) {
        let Some(home) = self.homes.get(id).copied().filter(|home| Some(*home) != now) else {
            return;
        };
        self.homes.remove(id);
        if let Entry::Occupied(owner) = self.owners.entry(home)
            && owner.get().0 == id
        {
            let (_, place) = owner.remove();
            place.taken.store(true, Ordering::Relaxed);
        }
    }

    fn make_room(&mut self) {
        let Self { owners, homes } = self;
        if owners.len() >= MANY {
            owners.retain(|_, (_, place)| Arc::strong_count(&place.taken) > 1);
        }
        if homes.len() >= MANY {
            homes.retain(|id, home| owners.get(home).is_some_and(|(owner, _)| owner == id));
        }
    }
}

impl Place {
    /// How the port of this number is reached.
    #[must_use]
    pub fn upstream(&self, port: usize) -> Option<&Upstream> {
        self.upstreams.get(port)
    }

    /// Whether the address has become another machine's, or may have: its own has left it.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }
}

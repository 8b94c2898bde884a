//! The users who have requests now, in progress or waiting.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
};

use tokio::sync::Semaphore;

/// Enough that workers seldom meet at one.
const SHARDS: usize = 16;

#[derive(Debug)]
pub(super) struct Users {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    places: usize,
}

type Shard = HashMap<Arc<str>, Entry>;

#[derive(Debug)]
struct Entry {
    user: Arc<User>,
    tickets: usize,
}

#[derive(Debug)]
pub(super) struct User {
    name: Arc<str>,
    /// Free places of this user.
    pub(super) places: Semaphore,
    /// Requests of this user that wait.
    pub(super) waiting: AtomicUsize,
    /// Tunnels of this user.
    pub(super) tunnels: AtomicUsize,
}

impl Users {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            shards: Default::default(),
            hasher: RandomState::new(),
            places,
        })
    }

    /// The entry of a user, which lasts as long as there are tickets for it.
    pub(super) fn ticket(self: &Arc<Self>, name: &str) -> Ticket {
        let mut shard = self.shard(name);
        let user = if let Some(entry) = shard.get_mut(name) {
            entry.tickets += 1;
            entry.user.clone()
        } else {
            let name: Arc<str> = name.into();
            let places = Semaphore::new(self.places);
            let user = Arc::new(User {
                name: name.clone(),
                places,
                waiting: AtomicUsize::new(0),
                tunnels: AtomicUsize::new(0),
            });
            shard.insert(
                name,
                Entry {
                    user: user.clone(),
                    tickets: 1,
                },
            );
            user
        };
        drop(shard);
        Ticket {
            users: self.clone(),
            user,
        }
    }

    fn shard(&self, name: &str) -> MutexGuard<'_, Shard> {
        let number = self.hasher.hash_one(name) as usize % SHARDS;
        // Nothing panics while it holds the lock.
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

/// Keeps a user's entry.
#[derive(Debug)]
pub(super) struct Ticket {
    users: Arc<Users>,
    user: Arc<User>,
}

impl Ticket {
    pub(super) fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Another one for the same user.
    pub(super) fn again(&self) -> Self {
        self.users.ticket(&self.user.name)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut shard = self.users.shard(&self.user.name);
        let Some(entry) = shard.get_mut(&self.user.name) else {
            return;
        };
        entry.tickets -= 1;
        if entry.tickets == 0 {
            shard.remove(&self.user.name);
            // 100 000 users at once are a bad hour, not a reason to keep their memory for ever.
            if shard.is_empty() {
                shard.shrink_to(64);
            }
        }
    }
}

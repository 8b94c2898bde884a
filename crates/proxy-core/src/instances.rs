//! Machines of people's own: whose is where, who says so, and what the platform is told of what happens there.
//!
//! Two resolvers: VISA's API server (`api`), and a list in the configuration.

mod api;
mod callers;
mod claims;
mod config;
mod guests;
mod places;
mod sessions;

pub use self::{
    api::{InstanceApi, KIND, Refused},
    callers::{COOKIE, Callers, Directory, FindId, Pages, Visit},
    config::{InstancesConfig, ListedConfig},
    guests::Guest,
    places::{Place, Places},
    sessions::{Session, Sessions},
};

/// Longest id of an instance.
const MAX_ID: usize = 64;

/// Digits as the platform writes them, or letters and digits.
#[must_use]
pub fn is_id(id: &str) -> bool {
    let number = id.bytes().all(|byte| byte.is_ascii_digit());
    (1..=MAX_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !(number && id.len() > 1 && id.starts_with('0'))
}

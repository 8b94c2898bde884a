//! What any two nbgate services share, in reading order.

pub mod proxy; // the path of one request: start here
pub mod entrance; // who is let in?
pub mod auth; // who calls?
pub mod upstream; // where to?
pub mod target; // asking exactly what?
pub mod instances; // whose machine is where?
pub mod rewrite; // what operators write about targets
pub mod policy; // may they?
pub mod access; // may they have it?
pub mod limits; // may they now?
pub mod staying; // may they still?
pub mod credential; // as whom?
pub mod documents; // what a service hands out or reads, a file each
pub mod lease; // a credential of the caller's own
pub mod forward; // send it on, stream it back
pub mod tunnel; // bytes both ways, after an upgrade
pub mod transport; // the one way to make clients that forward bytes
pub mod client; // the one way to make the client that asks platforms
pub mod headers; // which header goes where
pub mod realm; // what every tenant has: prefix, limits, who may use it
pub mod tenant; // one upstream with all that belongs to it
pub mod site; // what is served below one prefix
pub mod error; // what can go wrong, and how it is told
pub mod problem; // the kinds of problem and their pages
pub mod pages; // a service's own routes below the prefix
pub mod journal; // what has to be done even if the process dies first
pub mod duties; // what is begun at a platform has to be ended there
mod files; // how files are read that change while they are in use
mod socket; // a connection, in the clear or under TLS
mod timer; // deadlines that are seldom reached
mod strict_json; // JSON with one meaning or none, for tokens and configuration
pub mod config; // layers, sections, every problem at once
pub mod telemetry; // metrics, audit events, log
pub mod service; // listeners, workers, deadlines, drain
pub mod bootstrap; // what every main() does
#[cfg(fuzzing)]
pub mod fuzzing; // doors for `fuzz/`

/// What a binary says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The binary's name; in capitals the prefix of its environment variables.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Where its source is, if that is known.
    pub repository_url: Option<&'static str>,
    /// Where its documentation is, if that is known.
    pub documentation_url: Option<&'static str>,
    /// The built-in configuration: every key, commented.
    pub defaults: &'static str,
    /// Environment variables of the service that this one replaces.
    pub aliases: &'static [config::Alias],
    /// The same for secrets.
    pub secrets: &'static [config::SecretAlias],
}

impl About {
    /// What runs here, as probes and clients of the originals expect it.
    #[must_use]
    pub fn metadata(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "repository_url": self.repository_url.unwrap_or_default(),
            "documentation_url": self.documentation_url.unwrap_or_default(),
        })
    }
}

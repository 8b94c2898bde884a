//! instance-proxy on real sockets: a stand-in for VISA's API server beside it, scripted instances behind it.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod answers;
mod credentials;
mod harness;
mod listed;
mod lookups;
mod routing;
mod sessions;
mod startup;
mod staying;
mod tunnels;
mod visa;

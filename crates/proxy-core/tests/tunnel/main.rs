//! Tunnels on real sockets: a small site that forwards upgrades, its callers, and upstreams that keep to no rule.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod config;
mod ending;
mod handshake;
mod harness;
mod limits;
mod refused;
mod relay;
mod site;
mod tls;
mod upstream;

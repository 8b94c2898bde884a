//! jira-proxy on real sockets: what callers get, and what Jira got.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod canary;
mod contract;
mod credential;
mod faults;
mod front;
mod harness;
mod identity;
mod invariants;
mod lifecycle;
mod limits;
mod pages;
mod reuse;
mod startup;
mod streaming;
mod tenants;
mod tls;
mod wire;

//! efd-token on real sockets: a fake InfluxDB behind it, a fake issuer beside it.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod discovery;
mod hand_outs;
mod harness;
mod leases;
mod queries;
mod rules;
mod startup;

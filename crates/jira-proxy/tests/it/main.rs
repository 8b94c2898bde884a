//! x
mod contract;
mod harness;

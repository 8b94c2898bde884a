//! Layered configuration that reports every problem at once.
//!
//! Later layers win: the service's built-in defaults, the variables of the service that it replaces, the file of the
//! command line, the service's own variables. This is the only module that reads the environment. Unknown keys, wrong
//! types and failed checks are collected, so that an operator sees all of them in one go, each with key, cause and cure.

mod layers;
mod problems;
mod reader;
pub mod sections;
mod service;
mod structs;

pub use self::{
    layers::{Alias, Environment, Layers, SecretAlias, Secrets},
    problems::{Problems, Validate},
    reader::{Document, Reader, Section},
    service::{ServiceConfig, Tenants},
    structs::{read_struct, whole},
};

#[cfg(test)]
pub(crate) mod tests;

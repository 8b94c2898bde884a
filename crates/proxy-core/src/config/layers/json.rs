//! How the environment writes lists and tables: JSON that holds each key once.

pub(super) use crate::strict_json::parse;

//! What callers break, as raw bytes: a table with one row for each way. From the suites of other proxies.
//!
//! Of each row are checked the answers (how many, which, told by whom), the connection after them (closed, or serving on),
//! what Jira received, the audit events and the count of refusals without one. Deadlines and bodies that stall are
//! `wire`'s.
//!
//! Impossible by construction, hence without a row: HTTP/2 and its upgrade (`h2` is not compiled in), response splitting
//! through headers (`HeaderValue` holds no line end).

mod chunked;
mod connections;
mod framing;
mod heads;
mod row;
mod targets;

use self::row::{Case, Stage};

#[test]
fn every_head_that_servers_disagree_about_is_treated_as_the_table_says() {
    run(framing::cases().into_iter().chain(heads::cases()));
}

#[test]
fn every_chunked_body_is_treated_as_the_table_says() {
    run(chunked::cases());
}

#[test]
fn every_target_host_and_method_is_treated_as_the_table_says() {
    run(targets::cases());
}

#[test]
fn every_sequence_of_requests_is_treated_as_the_table_says() {
    run(connections::cases());
}

fn run(cases: impl IntoIterator<Item = Case>) {
    let stage = Stage::start();
    for case in cases {
        stage
            .check(&case)
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
    }
}

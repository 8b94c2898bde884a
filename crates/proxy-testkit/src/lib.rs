//! Fakes and a raw HTTP client for tests: everything real sockets can do, the forbidden included.
//!
//! Nothing here knows nbgate, and nothing here tidies up: what is sent is what the test wrote, what was received is kept
//! byte for byte. All of it runs on plain threads, so that no test depends on the runtime it tests.

mod authority; // who signs certificates
mod black_hole; // nobody answers, not even the kernel
mod eventually; // wait for a fact instead of sleeping
mod issuer; // an OpenID provider with keys of its own
mod raw; // a client that sends anything
mod script; // what a fake upstream does with a request
mod upstream; // a server that does anything
mod wire; // HTTP/1.1 as bytes

pub use self::{
    authority::{FakeAuthority, Issued},
    black_hole::BlackHole,
    eventually::{PATIENCE, eventually},
    issuer::{FakeIssuer, TokenDraft},
    raw::{Answer, RawClient},
    script::Script,
    upstream::{FakeUpstream, Seen},
    wire::Ended,
};

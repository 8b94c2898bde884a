//! The playground as a program: started, looked at, stopped; and everything that it prints or shows, done as it says.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod instance; // the instance of ada
mod page; // the landing page, as a reader gets it
mod printed; // the curl lines and the Python snippets
mod running; // a playground of one's own
mod start; // start, ports, stop
mod tls; // every service over https
mod tries; // the things to try

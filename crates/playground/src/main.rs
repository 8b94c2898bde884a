//! The playground: jira-proxy in front of a demo Jira, efd-token in front of a demo EFD, instance-proxy in front of a demo
//! instance, with a demo identity provider, on loopback, unless it is told otherwise.
//!
//! `cargo run` starts it without configuration and without network; Ctrl-C ends it and leaves nothing behind.

mod account;
mod addresses;
mod banner;
mod certificates;
mod command_line;
mod demo_efd;
mod demo_instance;
mod demo_jira;
mod dice;
mod efd_token;
mod instance_proxy;
mod issuer;
mod jira_proxy;
mod newline;
mod page;
mod playground;
mod private;
mod seen;
mod service;

use std::io::{self, Write};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

use command_line::{CommandLine, loopback};
use playground::Playground;

/// As of sysexits.h: something is configured in a way that cannot be.
const WRONG_CONFIGURATION: u8 = 78;

#[actix_web::main]
async fn main() -> ExitCode {
    let started = Instant::now();
    // Only fails when a provider is there already, which then is this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let chosen = CommandLine::parse();
    let host = match loopback(&chosen.host) {
        Ok(host) => host,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(WRONG_CONFIGURATION);
        }
    };
    match run(host, &chosen, started).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(host: IpAddr, chosen: &CommandLine, started: Instant) -> anyhow::Result<()> {
    // First of all: a stop in the middle of the start must not leave the temporary directory behind.
    let stop = StopSignals::listen()?;
    let playground = Playground::start(host, chosen).await?;
    let text = banner::banner(playground.addresses(), started.elapsed());
    // A reader that went away (`cargo run | head`) is no reason to stop.
    let _ = io::stdout().write_all(text.as_bytes());
    stop.wait().await;
    playground.stop().await;
    Ok(())
}

/// Ctrl-C, a polite kill, and a terminal that is closed.
struct StopSignals([Signal; 3]);

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn wait(mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

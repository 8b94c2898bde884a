//! What every `main` does: command line, configuration, log, service, drain.
//!
//! Decides the order of things and the exit codes: 0 after a drain, 2 for a command line that is wrong, 78 (`EX_CONFIG` of
//! sysexits.h) for a configuration that is, 1 for everything else, such as a port that is in use.

mod command;
mod hardening;

use std::{
    fmt::Display,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use self::command::{Command, Invocation};
use crate::{
    About,
    config::{Document, Environment, Layers, Problems},
    service::Service,
    telemetry::{Lines, start_logging},
};

/// `EX_CONFIG`.
const BAD_CONFIGURATION: u8 = 78;
/// How long the last lines of the log may take to get out.
const FLUSH: Duration = Duration::from_secs(1);

/// A configuration that was read, and what else there is to say of it.
struct Loaded<C> {
    config: C,
    /// As `print-config` and the admin listener show it.
    shown: String,
    warnings: Vec<String>,
}

/// Runs the service that `about` is about and `service` builds, as the command line says.
pub fn run<C: Document>(about: About, service: fn(&C) -> anyhow::Result<Service>) -> ExitCode {
    let concerns = hardening::harden();
    // Only fails when a provider is there already, which then is this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let invocation = match command::parse(&about) {
        Ok(invocation) => invocation,
        Err(code) => return code,
    };
    match execute(&about, service, &invocation, concerns) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(io::stderr(), format_args!("{}: {}", about.name, failure.message));
            ExitCode::from(failure.code)
        }
    }
}

/// Reads the configuration that `file` and `environment` make of the built-in one. Its warnings go to the log.
///
/// # Errors
/// Every problem that was found.
pub fn load<C: Document>(about: &About, file: Option<&Path>, environment: &Environment) -> Result<C, Problems> {
    let loaded = read(|problems| Layers::load(about, file, environment, problems))?;
    loaded.warn();
    Ok(loaded.config)
}

/// The same with the text of a file.
///
/// # Errors
/// Every problem that was found.
pub fn load_str<C: Document>(about: &About, text: &str, environment: &Environment) -> Result<C, Problems> {
    let loaded = read(|problems| Layers::load_str(about, text, environment, problems))?;
    loaded.warn();
    Ok(loaded.config)
}

fn read<C: Document>(layers: impl FnOnce(&mut Problems) -> Option<Layers>) -> Result<Loaded<C>, Problems> {
    let mut problems = Problems::default();
    let layers = layers(&mut problems);
    let shown = layers.as_ref().map(Layers::to_toml).unwrap_or_default();
    match layers.and_then(|layers| layers.read(&mut problems)) {
        Some(config) if problems.is_empty() => Ok(Loaded {
            config,
            shown,
            warnings: problems.warnings().to_vec(),
        }),
        _ => Err(problems),
    }
}

impl<C> Loaded<C> {
    fn warn(&self) {
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
    }
}

struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    fn configuration(problems: &Problems) -> Self {
        let message = match problems.found().len() {
            1 => format!("the configuration has a problem:\n{problems}"),
            many => format!("the configuration has {many} problems:\n{problems}"),
        };
        Self {
            message,
            code: BAD_CONFIGURATION,
        }
    }
}

fn execute<C: Document>(
    about: &About,
    service: fn(&C) -> anyhow::Result<Service>,
    invocation: &Invocation,
    concerns: Vec<String>,
) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let loaded = read::<C>(|problems| Layers::load(about, invocation.file.as_deref(), &environment, problems));
    let mut loaded = loaded.map_err(|problems| Failure::configuration(&problems))?;
    drop(environment);
    loaded.warnings.extend(concerns);
    if invocation.command != Command::Serve {
        for warning in &loaded.warnings {
            say(io::stderr(), format_args!("warning: {warning}"));
        }
    }
    match invocation.command {
        Command::Serve => return serve(loaded, service),
        Command::CheckConfig => {
            build(&loaded.config, service)?;
            say(io::stdout(), "configuration is good");
        }
        Command::PrintConfig => say(io::stdout(), loaded.shown.trim_end()),
        Command::PrintPolicy => say(io::stdout(), loaded.config.print_policy().trim_end()),
    }
    Ok(())
}

fn build<C: Document>(config: &C, service: fn(&C) -> anyhow::Result<Service>) -> Result<Service, Failure> {
    service(config).map_err(|error| Failure {
        message: format!("{error:#}"),
        code: BAD_CONFIGURATION,
    })
}

fn serve<C: Document>(loaded: Loaded<C>, service: fn(&C) -> anyhow::Result<Service>) -> Result<(), Failure> {
    let failed = |error: anyhow::Error| Failure {
        message: format!("{error:#}"),
        code: 1,
    };
    let lines = Lines::stdout();
    start_logging(loaded.config.log(), &lines).map_err(failed)?;
    loaded.warn();
    let service = build(&loaded.config, service)?
        .audit_to(lines.clone())
        .settings(loaded.shown);
    // What is configured is built now: nothing below sees the configuration.
    drop(loaded.config);
    let served = actix_rt::System::new().block_on(service.run());
    lines.flush(FLUSH);
    served.map_err(failed)
}

/// Writes a line. Nobody can be told when that fails.
fn say(mut to: impl Write, line: impl Display) {
    let _ = writeln!(to, "{line}");
}

#[cfg(test)]
mod tests;

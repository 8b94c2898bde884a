//! The log: what is worth a line, and how it looks. Where lines go is [`Lines`]' matter; what happened to each request is
//! the audit events'.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, bail, ensure};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer as _, filter::Targets, fmt, layer::SubscriberExt as _};

use super::{lines::Lines, log_layer::JsonLayer};
use crate::config::sections::{LogConfig, LogFormat};

/// Said by dependencies, and not worth a line. actix-http reports every malformed request as an error of the service.
const SILENT: &str = "actix_http=off";
/// Dependencies whose everyday business is not worth a line either.
const QUIET: &str = "actix_server=warn,hyper=warn,rustls=warn";

/// Sends the whole process's log to `lines`.
///
/// # Errors
/// The level cannot be understood, or logging was started before.
pub fn start_logging(config: &LogConfig, lines: &Lines) -> anyhow::Result<()> {
    let subscriber = subscriber(config, lines, io::stdout().is_terminal())?;
    tracing::subscriber::set_global_default(subscriber).context("the log was started before")
}

/// Whether `level` is a level (`info`) or a list of targets with theirs (`info,proxy_core=debug`).
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn check_level(level: &str) -> anyhow::Result<()> {
    filter(level).map(drop)
}

fn subscriber(
    config: &LogConfig,
    lines: &Lines,
    terminal: bool,
) -> anyhow::Result<impl Subscriber + Send + Sync + use<>> {
    let pretty = match config.format {
        LogFormat::Auto => terminal,
        LogFormat::Json => false,
        LogFormat::Pretty => true,
    };
    let json = (!pretty).then(|| JsonLayer::new(lines.clone()));
    // No colours: an escape character in a line is always somebody's attempt at something.
    let pretty = pretty.then(|| fmt::layer().with_ansi(false).with_writer(lines.clone()).boxed());
    Ok(tracing_subscriber::registry()
        .with(filter(&config.level)?)
        .with(json)
        .with(pretty))
}

/// By target and level alone: what depends on a span's fields would be looked up for each request.
fn filter(level: &str) -> anyhow::Result<Targets> {
    if level.contains('=') {
        let unclear = || format!("`{level}` cannot be understood: use a list such as `info,proxy_core=debug`");
        ensure!(level.split(',').all(is_clear), unclear());
        return level.parse().with_context(unclear);
    }
    // A lone word that is no level would be taken for a target, and silence everything else.
    let known = level.parse::<LevelFilter>().ok().filter(|_| !level.trim().is_empty());
    let Some(known) = known else {
        bail!(
            "`{level}` is no level: use error, warn, info, debug, trace or off, or a list such as `info,proxy_core=debug`"
        )
    };
    let directives = if known > LevelFilter::WARN {
        format!("{known},{SILENT},{QUIET}")
    } else {
        format!("{known},{SILENT}")
    };
    Ok(directives.parse()?)
}

/// Whether it is a level, or a target with its level. [`Targets`] takes more, and means something else by it: nothing is
/// `error`, a word that is no level is a target, a space is a part of a name, and so is what would name a span.
fn is_clear(directive: &str) -> bool {
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    match directive.split_once('=') {
        Some((target, level)) => {
            let odd = |character: char| character.is_whitespace() || character == '[';
            !target.is_empty() && !target.contains(odd) && is_level(level)
        }
        None => is_level(directive),
    }
}

#[cfg(test)]
mod tests;

//! The command line, the same for every service.

use std::{path::PathBuf, process::ExitCode};

use clap::{Arg, value_parser};

use crate::About;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Serve,
    CheckConfig,
    PrintConfig,
    PrintPolicy,
}

/// Subcommands, and what `--help` says of them.
const COMMANDS: &[(&str, Command, &str)] = &[
    ("serve", Command::Serve, "Serve until SIGTERM (the default)"),
    (
        "check-config",
        Command::CheckConfig,
        "Say what is wrong with the configuration; opens no port",
    ),
    (
        "print-config",
        Command::PrintConfig,
        "Print the configuration in force, without secrets",
    ),
    (
        "print-policy",
        Command::PrintPolicy,
        "Print the policy of every tenant as a table",
    ),
];

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) command: Command,
    pub(super) file: Option<PathBuf>,
}

/// Reads the command line of this process. The exit code of one that asks for help, or is wrong.
pub(super) fn parse(about: &About) -> Result<Invocation, ExitCode> {
    parse_from(about, std::env::args_os()).map_err(|error| {
        // Nobody can be told when that fails.
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
    })
}

fn parse_from(
    about: &About,
    words: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>,
) -> Result<Invocation, clap::Error> {
    let matches = command(about).try_get_matches_from(words)?;
    let name = matches.subcommand_name().unwrap_or("serve");
    let found = COMMANDS.iter().find(|(known, ..)| *known == name);
    // A global option may stand before or after the subcommand.
    let inner = matches
        .subcommand()
        .and_then(|(_, inner)| inner.get_one::<PathBuf>("config"));
    let file = inner.or_else(|| matches.get_one("config")).cloned();
    Ok(Invocation {
        command: found.map_or(Command::Serve, |(_, command, _)| *command),
        file,
    })
}

fn command(about: &About) -> clap::Command {
    let prefix = about.name.to_uppercase().replace('-', "_");
    let file = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .value_parser(value_parser!(PathBuf))
        .help("TOML file that is laid over the built-in configuration");
    let subcommand = |(name, _, help): &(&'static str, Command, &'static str)| clap::Command::new(*name).about(*help);
    clap::Command::new(about.name)
        .version(about.version)
        .about(about.description)
        .after_help(format!(
            "Variables such as {prefix}__SERVER__PORT are laid over the file; lists are written as JSON."
        ))
        .arg(file)
        .subcommands(COMMANDS.iter().map(subcommand))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About = crate::config::tests::ABOUT;

    fn check(words: &[&str], expected: Option<(Command, Option<&str>)>) {
        let found = parse_from(&ABOUT, ["x"].iter().chain(words)).ok();
        let expected = expected.map(|(command, file)| Invocation {
            command,
            file: file.map(PathBuf::from),
        });
        assert_eq!(found, expected, "{words:?}");
    }

    #[test]
    fn serving_is_the_default_and_the_file_may_stand_anywhere() {
        check(&[], Some((Command::Serve, None)));
        check(&["serve"], Some((Command::Serve, None)));
        check(&["--config", "a"], Some((Command::Serve, Some("a"))));
        check(
            &["--config", "a", "check-config"],
            Some((Command::CheckConfig, Some("a"))),
        );
        check(&["print-config", "--config=a"], Some((Command::PrintConfig, Some("a"))));
        check(&["print-policy"], Some((Command::PrintPolicy, None)));
        check(&["sevre"], None);
        check(&["--config"], None);
        check(&["--port", "1"], None);
    }

    #[test]
    fn help_names_every_subcommand_and_the_variables() {
        let help = command(&ABOUT).render_help().to_string();
        for word in [
            "serve",
            "check-config",
            "print-config",
            "print-policy",
            "--config <FILE>",
            "TEST_PROXY__SERVER__PORT",
        ] {
            assert!(help.contains(word), "{word} in\n{help}");
        }
    }
}

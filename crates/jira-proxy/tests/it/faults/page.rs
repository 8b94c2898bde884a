//! The table as operators read it: the part of `docs/operations/faults.md` between two marks.

use std::{fmt::Write as _, fs, path::Path};

use super::{
    row::{Fault, Sees, Then},
    table,
};

const BEGIN: &str = "<!-- faults: written by jira-proxy's tests, `just faults` -->\n";
const END: &str = "<!-- faults: end -->\n";

/// Run with `UPDATE_DOCS=1` (as `just faults` does) to write it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch for the developer, not configuration")]
fn the_operators_page_says_what_the_table_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/faults.md");
    let page = fs::read_to_string(&file).unwrap();
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the page has a mark where the table begins");
    let (_, after) = rest.split_once(END).expect("the page has a mark where the table ends");
    let expected = format!("{before}{BEGIN}{}{END}{after}", to_markdown());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "{} differs from the table: run `just faults`",
        file.display()
    );
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = table()
        .into_iter()
        .flat_map(|(_, faults)| faults)
        .map(|fault| fault.name)
        .collect();
    let rows = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows);
}

fn to_markdown() -> String {
    let mut text = String::new();
    for (heading, faults) in table() {
        let _ = write!(
            text,
            "\n### {heading}\n\n| the upstream | the caller gets | attempts | the next caller |\n|---|---|---|---|\n"
        );
        for fault in faults {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                fault.says,
                fault.caller(),
                fault.attempts.len(),
                fault.next()
            );
        }
    }
    text.push('\n');
    text
}

impl Fault {
    fn caller(&self) -> String {
        match self.sees {
            Sees::Problem(status, problem) => format!("{status} `{problem}`"),
            Sees::Whole(status, _) => format!("{status}, whole"),
            Sees::Cut(_) => "a reset".to_owned(),
        }
    }

    fn next(&self) -> &'static str {
        match self.then {
            Then::SameConnection => "the same connection",
            Then::NewConnection => "another connection",
            Then::NewConnectionOnceClosed => "another connection, the first being closed by then",
            Then::Nowhere => "the same",
        }
    }
}

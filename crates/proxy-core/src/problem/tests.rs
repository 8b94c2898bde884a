use std::{fs, path::Path};

use super::{ALL, to_markdown};

/// `docs/problems` is written from the table; run with `UPDATE_DOCS=1` (as `just problems` does) to write it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch for the developer, not configuration")]
fn every_problem_has_its_page_and_no_page_is_stale() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/problems");
    for problem in ALL {
        let file = folder.join(format!("{}.md", problem.name));
        let page = to_markdown(problem);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &page).unwrap();
        }
        let written = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(written, page, "{} differs: run `just problems`", file.display());
    }
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        ALL.len(),
        "a page without a problem in docs/problems"
    );
}

#[test]
fn names_are_unique_and_statuses_are_errors() {
    for (index, problem) in ALL.iter().enumerate() {
        assert!((400..600).contains(&problem.status));
        assert!(ALL[..index].iter().all(|other| other.name != problem.name));
    }
}

//! The 300 demo issues: the same at every start, so that documents, tests and screenshots may name them.
//!
//! DM-1 to DM-200 and OBS-1 to OBS-100, interleaved in time from January 2025 on.

use super::corpus::{DM, OBS, PEOPLE, PRIORITIES, Person, Project, STATUSES};
use crate::dice::Dice;

const COUNT: u64 = 300;
/// 2025-01-06 14:00 UTC.
const FIRST_CREATED: i64 = 1_736_172_000;
/// Chosen so that DM-42, the example everywhere, is a full one: assigned to ada, done, with labels and comments.
const SEED: u64 = 383;
const HOUR: i64 = 3600;
pub(super) const DONE: &str = "Done";

pub(super) struct Issue {
    pub(super) id: u32,
    pub(super) project: &'static Project,
    pub(super) number: u32,
    pub(super) kind: &'static str,
    pub(super) subject: &'static str,
    pub(super) summary: String,
    pub(super) priority: &'static str,
    pub(super) reporter: &'static Person,
    pub(super) assignee: Option<&'static Person>,
    pub(super) labels: Vec<&'static str>,
    /// Unix time.
    pub(super) created: i64,
    pub(super) changes: Vec<Change>,
    pub(super) comments: Vec<Comment>,
    pub(super) hours_lost: Option<f64>,
    pub(super) attachment: Option<u32>,
}

/// One step from a status to the next.
pub(super) struct Change {
    pub(super) id: u32,
    pub(super) at: i64,
    pub(super) author: &'static Person,
    pub(super) from: usize,
}

pub(super) struct Comment {
    pub(super) id: u32,
    pub(super) at: i64,
    pub(super) author: &'static Person,
    pub(super) text: &'static str,
}

impl Issue {
    pub(super) fn key(&self) -> String {
        format!("{}-{}", self.project.key, self.number)
    }

    pub(super) fn status(&self) -> &'static str {
        STATUSES[self.changes.len()]
    }

    pub(super) fn resolved(&self) -> Option<i64> {
        (self.status() == DONE).then(|| self.changes.last().map_or(self.created, |change| change.at))
    }

    pub(super) fn updated(&self) -> i64 {
        let changes = self.changes.iter().map(|change| change.at);
        let comments = self.comments.iter().map(|comment| comment.at);
        changes.chain(comments).fold(self.created, i64::max)
    }
}

/// All issues, oldest first.
pub(super) fn all() -> Vec<Issue> {
    (0..COUNT).map(issue).collect()
}

fn issue(n: u64) -> Issue {
    let mut dice = Dice(n + SEED);
    // Every third issue is one of the night's.
    let (project, index) = if n % 3 == 2 {
        (&OBS, n / 3)
    } else {
        (&DM, n - (n + 1) / 3)
    };
    let subjects = project.subjects.len() as u64;
    // Each round through the subjects starts with another problem: all combinations come, each once.
    let subject = project.subjects[(index % subjects) as usize];
    let problem = project.problems[((index + index / subjects) % project.problems.len() as u64) as usize];
    let id = 100_000 + n as u32;
    let created = FIRST_CREATED + n as i64 * 27 * HOUR + dice.up_to(20) as i64 * HOUR + dice.up_to(3600) as i64;
    let reporter = dice.pick(PEOPLE);
    let assignee = (dice.up_to(8) > 0).then(|| dice.pick(PEOPLE));
    let worker = assignee.unwrap_or(reporter);
    let changes = changes(&mut dice, n, created, worker);
    let night = std::ptr::eq(project.key, OBS.key);
    Issue {
        id,
        project,
        number: index as u32 + 1,
        kind: dice.pick(project.kinds),
        subject,
        summary: format!("{subject}: {problem}"),
        priority: dice.pick(PRIORITIES),
        reporter,
        assignee,
        labels: labels(&mut dice, project),
        created,
        comments: comments(&mut dice, project, id, created),
        changes,
        hours_lost: night.then(|| dice.up_to(9) as f64 * 0.25),
        attachment: (n % 5 == 1).then_some(20_000 + n as u32),
    }
}

/// Older issues have come further.
fn changes(dice: &mut Dice, n: u64, created: i64, worker: &'static Person) -> Vec<Change> {
    let steps = match dice.up_to(200) + COUNT - n {
        0..60 => 0,
        60..130 => 1,
        130..180 => 2,
        // Some are never finished.
        _ if dice.up_to(12) == 0 => 1,
        _ => 3,
    };
    let mut at = created;
    (0..steps)
        .map(|from| {
            at += (2 + dice.up_to(90) as i64) * HOUR + dice.up_to(3600) as i64;
            Change {
                id: 300_000 + n as u32 * 4 + from as u32,
                at,
                author: worker,
                from,
            }
        })
        .collect()
}

fn comments(dice: &mut Dice, project: &Project, issue: u32, created: i64) -> Vec<Comment> {
    let mut at = created;
    let first = dice.up_to(project.remarks.len() as u64) as usize;
    let count = dice.up_to(4) as usize;
    let first = first.min(project.remarks.len() - count);
    (project.remarks[first..first + count].iter().zip(issue * 4..))
        .map(|(text, id)| {
            at += (1 + dice.up_to(60) as i64) * HOUR + dice.up_to(3600) as i64;
            Comment {
                id,
                at,
                author: dice.pick(PEOPLE),
                text,
            }
        })
        .collect()
}

fn labels(dice: &mut Dice, project: &Project) -> Vec<&'static str> {
    let first = dice.up_to(project.labels.len() as u64);
    (0..dice.up_to(3))
        .map(|n| project.labels[((first + n) % project.labels.len() as u64) as usize])
        .collect()
}

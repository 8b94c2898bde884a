//! Issues as the JSON that Jira writes, with absolute links to the simulator itself.
//!
//! Which fields are shown is the caller's wish (`fields=`); version 3 of the interface writes texts as documents.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::corpus::{PRIORITIES, Person, Project, STATUSES};
use super::files;
use super::issues::{Change, Issue};

/// Time lost to a problem of the night, in hours.
pub(super) const TIME_LOST: &str = "customfield_10106";

/// What is written, and for which version of the interface.
pub(super) struct Style<'a> {
    pub(super) base: &'a str,
    pub(super) version: &'a str,
    pub(super) changelog: bool,
}

/// The fields asked for; in `fields` a name may have a `-` in front.
pub(super) struct Fields(pub(super) Vec<String>);

impl Fields {
    fn wants(&self, name: &str) -> bool {
        let has = |wanted: &str| self.0.iter().any(|field| field == wanted);
        // Navigable: what a list shows. Jira leaves the comments to the view of one issue.
        let by_group = has("*all") || (has("*navigable") && name != "comment" && name != "attachment");
        let only_removals = self.0.iter().all(|field| field.starts_with('-'));
        (has(name) || by_group || (only_removals && !self.0.is_empty())) && !has(&format!("-{name}"))
    }

    /// `search/jql` answers with the ids alone when no field is asked for, or only `id`.
    pub(super) fn ids_only(&self) -> bool {
        self.0.iter().all(|field| field == "id")
    }
}

impl Style<'_> {
    pub(super) fn issue(&self, issue: &Issue, fields: &Fields) -> Value {
        let mut answer = json!({
            "expand": "renderedFields,names,schema,operations,editmeta,changelog",
            "id": issue.id.to_string(),
            "self": self.link(&format!("issue/{}", issue.id)),
            "key": issue.key(),
        });
        let shown: Map<String, Value> = self
            .fields(issue)
            .into_iter()
            .filter(|(name, _)| fields.wants(name))
            .collect();
        answer["fields"] = shown.into();
        if self.changelog {
            answer["changelog"] = self.changelog(issue);
        }
        answer
    }

    fn fields(&self, issue: &Issue) -> Map<String, Value> {
        let status = issue.status();
        let resolution = issue.resolved().map(|_| json!({ "id": "10000", "name": "Done" }));
        let fields = json!({
            "summary": issue.summary,
            "description": self.text(&self.description(issue)),
            "project": self.project(issue.project),
            "issuetype": { "self": self.link("issuetype"), "name": issue.kind, "subtask": false },
            "status": self.status(status),
            "priority": { "self": self.link("priority"), "id": place(PRIORITIES, issue.priority), "name": issue.priority },
            "resolution": resolution,
            "resolutiondate": issue.resolved().map(timestamp),
            "reporter": self.person(issue.reporter),
            "creator": self.person(issue.reporter),
            "assignee": issue.assignee.map(|person| self.person(person)),
            "labels": issue.labels,
            "components": [{ "name": issue.subject }],
            "created": timestamp(issue.created),
            "updated": timestamp(issue.updated()),
            TIME_LOST: issue.hours_lost,
            "comment": self.comments(issue),
            "attachment": self.attachments(issue),
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    fn description(&self, issue: &Issue) -> String {
        let earlier = issue.number.saturating_sub(7).max(1);
        format!(
            "{} Related: {}/browse/{}-{earlier}",
            issue.project.description, self.base, issue.project.key
        )
    }

    pub(super) fn project(&self, project: &Project) -> Value {
        json!({
            "self": self.link(&format!("project/{}", project.id)),
            "id": project.id.to_string(),
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "software",
        })
    }

    pub(super) fn person(&self, person: &Person) -> Value {
        json!({
            "self": self.link(&format!("user?username={}", person.name)),
            "name": person.name,
            "key": person.name,
            "emailAddress": format!("{}@example.org", person.name),
            "displayName": person.display_name,
            "active": true,
            "timeZone": "UTC",
        })
    }

    fn status(&self, name: &str) -> Value {
        let id = place(STATUSES, name);
        let category = match name {
            "To Do" => json!({ "id": 2, "key": "new", "name": "To Do" }),
            "Done" => json!({ "id": 3, "key": "done", "name": "Done" }),
            _ => json!({ "id": 4, "key": "indeterminate", "name": "In Progress" }),
        };
        json!({ "self": self.link(&format!("status/{id}")), "id": id, "name": name, "statusCategory": category })
    }

    pub(super) fn comments(&self, issue: &Issue) -> Value {
        let comments: Vec<Value> = issue
            .comments
            .iter()
            .map(|comment| {
                json!({
                    "self": self.link(&format!("issue/{}/comment/{}", issue.id, comment.id)),
                    "id": comment.id.to_string(),
                    "author": self.person(comment.author),
                    "body": self.text(comment.text),
                    "created": timestamp(comment.at),
                    "updated": timestamp(comment.at),
                })
            })
            .collect();
        json!({ "comments": comments, "maxResults": comments.len(), "total": comments.len(), "startAt": 0 })
    }

    fn attachments(&self, issue: &Issue) -> Value {
        let attachments = issue.attachment.map(|id| {
            json!({
                "self": self.link(&format!("attachment/{id}")),
                "id": id.to_string(),
                "filename": files::NAME,
                "author": self.person(issue.reporter),
                "created": timestamp(issue.created),
                "size": files::PICTURE.len(),
                "mimeType": files::TYPE,
                "content": format!("{}/secure/attachment/{id}/{}", self.base, files::NAME),
            })
        });
        attachments.into_iter().collect()
    }

    fn changelog(&self, issue: &Issue) -> Value {
        let histories: Vec<Value> = issue.changes.iter().map(|change| self.history(change)).collect();
        json!({ "startAt": 0, "maxResults": histories.len(), "total": histories.len(), "histories": histories })
    }

    fn history(&self, change: &Change) -> Value {
        let (from, to) = (STATUSES[change.from], STATUSES[change.from + 1]);
        json!({
            "id": change.id.to_string(),
            "author": self.person(change.author),
            "created": timestamp(change.at),
            "items": [{
                "field": "status",
                "fieldtype": "jira",
                "from": place(STATUSES, from),
                "fromString": from,
                "to": place(STATUSES, to),
                "toString": to,
            }],
        })
    }

    fn text(&self, text: &str) -> Value {
        if self.version != "3" {
            return text.into();
        }
        let paragraph = json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] });
        json!({ "type": "doc", "version": 1, "content": [paragraph] })
    }

    pub(super) fn link(&self, path: &str) -> String {
        format!("{}/rest/api/{}/{path}", self.base, self.version)
    }
}

/// Ids are places in a list: `"1"` for the first.
fn place(names: &[&str], name: &str) -> String {
    names
        .iter()
        .position(|known| *known == name)
        .map_or(0, |index| index + 1)
        .to_string()
}

/// Jira's own form of ISO 8601: milliseconds, and an offset without a colon.
pub(super) fn timestamp(unix: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000+0000",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

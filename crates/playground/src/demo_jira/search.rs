//! Search, old and new: by number of the first result with a total, or by token and without one.

use actix_web::{HttpResponse, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::jql::Query;
use super::render::{Fields, Style};
use super::{DemoJira, bad_request};

/// Jira's own limit is an administrator's choice; this one makes 300 issues come in at least three pages.
const MOST_RESULTS: usize = 100;
const USUAL_RESULTS: usize = 50;

/// The pairs of a query string, in which a key may be repeated.
pub(super) type Pairs = Vec<(String, String)>;

/// A search, whether asked by query string or by JSON body.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wanted {
    jql: String,
    start_at: usize,
    max_results: usize,
    next_page_token: Option<String>,
    fields: Vec<String>,
    expand: Words,
}

/// `expand` is a list for some clients and a comma-separated word for others.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            jql: String::new(),
            start_at: 0,
            max_results: USUAL_RESULTS,
            next_page_token: None,
            fields: Vec::new(),
            expand: Words::Many(Vec::new()),
        }
    }
}

impl Wanted {
    fn from_pairs(pairs: &Pairs) -> Result<Self, String> {
        let mut wanted = Self {
            expand: Words::Many(words(pairs, "expand")),
            ..Self::default()
        };
        wanted.fields = words(pairs, "fields");
        for (key, value) in pairs {
            let number = || {
                value
                    .parse()
                    .map_err(|_| format!("The value '{value}' of '{key}' is not a number."))
            };
            match key.as_str() {
                "jql" => wanted.jql.clone_from(value),
                "startAt" => wanted.start_at = number()?,
                "maxResults" => wanted.max_results = number()?,
                "nextPageToken" => wanted.next_page_token = Some(value.clone()),
                _ => {}
            }
        }
        Ok(wanted)
    }

    fn changelog(&self) -> bool {
        match &self.expand {
            Words::One(word) => word.split(',').any(|word| word == "changelog"),
            Words::Many(words) => words.iter().any(|word| word == "changelog"),
        }
    }

    fn page_size(&self) -> usize {
        self.max_results.min(MOST_RESULTS)
    }
}

/// All values of `name`: repeated, separated by commas, or both.
pub(super) fn words(pairs: &Pairs, name: &str) -> Vec<String> {
    let values = pairs.iter().filter(|(key, _)| key == name);
    values
        .flat_map(|(_, value)| value.split(','))
        .map(|word| word.trim().to_owned())
        .collect()
}

pub(super) async fn old_by_query(
    jira: web::Data<DemoJira>,
    version: web::Path<String>,
    pairs: web::Query<Pairs>,
) -> HttpResponse {
    answer(Wanted::from_pairs(&pairs).and_then(|wanted| old(&jira, &version, wanted)))
}

pub(super) async fn old_by_body(
    jira: web::Data<DemoJira>,
    version: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    answer(json_body(&body).and_then(|wanted| old(&jira, &version, wanted)))
}

pub(super) async fn new_by_query(
    jira: web::Data<DemoJira>,
    version: web::Path<String>,
    pairs: web::Query<Pairs>,
) -> HttpResponse {
    answer(Wanted::from_pairs(&pairs).and_then(|wanted| new(&jira, &version, &wanted)))
}

pub(super) async fn new_by_body(
    jira: web::Data<DemoJira>,
    version: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    answer(json_body(&body).and_then(|wanted| new(&jira, &version, &wanted)))
}

pub(super) async fn count(jira: web::Data<DemoJira>, body: web::Bytes) -> HttpResponse {
    answer(json_body(&body).and_then(|wanted| {
        let found = Query::parse(&wanted.jql)?.select(&jira.issues).len();
        Ok(json!({ "count": found }))
    }))
}

/// Atlassian removed the old search from version 3, which only the cloud has.
pub(super) async fn removed() -> HttpResponse {
    let message = "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.";
    HttpResponse::Gone().json(json!({ "errorMessages": [message], "errors": {} }))
}

fn old(jira: &DemoJira, version: &str, mut wanted: Wanted) -> Result<Value, String> {
    let found = Query::parse(&wanted.jql)?.select(&jira.issues);
    if wanted.fields.is_empty() {
        wanted.fields = vec!["*navigable".to_owned()];
    }
    let style = Style {
        base: &jira.base,
        version,
        changelog: wanted.changelog(),
    };
    let page_size = wanted.page_size();
    let fields = Fields(wanted.fields);
    let page = found.iter().skip(wanted.start_at).take(page_size);
    Ok(json!({
        "expand": "schema,names",
        "startAt": wanted.start_at,
        "maxResults": page_size,
        "total": found.len(),
        "issues": page.map(|issue| style.issue(issue, &fields)).collect::<Vec<_>>(),
    }))
}

fn new(jira: &DemoJira, version: &str, wanted: &Wanted) -> Result<Value, String> {
    let found = Query::parse(&wanted.jql)?.select(&jira.issues);
    let start = wanted
        .next_page_token
        .as_deref()
        .map_or(Ok(0), |token| read_token(token, &wanted.jql))?;
    let style = Style {
        base: &jira.base,
        version,
        changelog: wanted.changelog(),
    };
    let fields = Fields(wanted.fields.clone());
    let page = found.iter().skip(start).take(wanted.page_size().max(1));
    let issues: Vec<Value> = page
        .map(|issue| match fields.ids_only() {
            true => json!({ "id": issue.id.to_string() }),
            false => style.issue(issue, &fields),
        })
        .collect();
    let next = start + issues.len();
    let is_last = next >= found.len();
    let mut answer = json!({ "issues": issues, "isLast": is_last });
    if !is_last {
        answer["nextPageToken"] = write_token(next, &wanted.jql).into();
    }
    Ok(answer)
}

/// A token belongs to its query: with another one it is refused, as Jira does.
fn write_token(next: usize, jql: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{next}:{jql}"))
}

fn read_token(token: &str, jql: &str) -> Result<usize, String> {
    let wrong = || "The provided next page token is invalid or expired.".to_owned();
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    let (next, made_for) = text.split_once(':').ok_or_else(wrong)?;
    if made_for == jql {
        next.parse().map_err(|_| wrong())
    } else {
        Err(wrong())
    }
}

fn json_body(body: &[u8]) -> Result<Wanted, String> {
    serde_json::from_slice(body).map_err(|error| format!("Invalid request payload: {error}"))
}

fn answer(result: Result<Value, String>) -> HttpResponse {
    match result {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(message) => bad_request(&message),
    }
}

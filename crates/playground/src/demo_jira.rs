//! A look-alike of Jira for the playground: what a notebook reads, with 300 issues that are the same at every start.
//!
//! It decides nothing about the proxy in front of it; it checks the bot's credentials as a real Jira does, notes what
//! reaches it (`/demo/seen`) and has a slow, a broken and a failing route.

mod access;
mod corpus;
mod faults;
mod files;
mod issues;
mod jql;
mod render;
mod search;
#[cfg(test)]
mod tests;

use actix_web::guard;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, Route, web};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::account::Account;
use crate::seen::Seen;
use corpus::{PEOPLE, PROJECTS};
use issues::Issue;
use render::{Fields, Style, TIME_LOST};
use search::Pairs;

/// What the simulator's workers share; register it as `app_data` before `configure`.
pub(crate) struct DemoJira {
    /// Its own address, which its links begin with.
    base: String,
    account: Account,
    issues: Vec<Issue>,
    seen: Seen,
}

impl DemoJira {
    /// `base` has no slash at its end.
    pub(crate) fn new(base: String, account: Account) -> Self {
        Self {
            base,
            account,
            issues: issues::all(),
            seen: Seen::default(),
        }
    }

    /// By key or by id.
    fn issue(&self, name: &str) -> Option<&Issue> {
        let is_called = |issue: &&Issue| issue.key().eq_ignore_ascii_case(name) || issue.id.to_string() == name;
        self.issues.iter().find(is_called)
    }

    fn style<'a>(&'a self, version: &'a str) -> Style<'a> {
        Style {
            base: &self.base,
            version,
            changelog: false,
        }
    }
}

pub(crate) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.route("/demo/seen", web::get().to(seen))
        .route("/browse/{key}", web::get().to(browse))
        .service(
            web::scope("")
                .wrap(from_fn(access::check))
                .service(web::scope("/rest/api/{version:2|3|latest}").configure(rest))
                .route("/rest/agile/1.0/board", read().to(boards))
                .route("/secure/attachment/{id}/{name}", read().to(files::attachment))
                .default_service(web::to(nothing_here)),
        );
}

fn rest(cfg: &mut web::ServiceConfig) {
    cfg.route("/serverInfo", read().to(server_info))
        .route("/field", read().to(fields))
        .route("/project", read().to(projects))
        .route("/project/{key}", read().to(project))
        .route("/user", read().to(user))
        .route("/myself", read().to(myself))
        .route("/search", guarded(read(), "3").to(search::removed))
        .route("/search", read().to(search::old_by_query))
        .route("/search", web::post().to(search::old_by_body))
        .route("/search/jql", read().to(search::new_by_query))
        .route("/search/jql", web::post().to(search::new_by_body))
        .route("/search/approximate-count", web::post().to(search::count))
        .route("/issue", web::post().to(create))
        .route("/issue/{key}", read().to(issue))
        .route("/issue/{key}/comment", read().to(comments))
        .route("/demo/slow", read().to(faults::slow))
        .route("/demo/broken", read().to(faults::broken))
        .route("/demo/error", read().to(faults::error))
        .default_service(web::to(nothing_here));
}

/// GET, and HEAD with the same headers.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn guarded(route: Route, version: &'static str) -> Route {
    route.guard(guard::fn_guard(move |context| {
        context.head().uri.path().starts_with(&format!("/rest/api/{version}/"))
    }))
}

async fn seen(jira: web::Data<DemoJira>) -> HttpResponse {
    jira.seen.show()
}

async fn server_info(jira: web::Data<DemoJira>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "baseUrl": jira.base,
        "version": "9.12.15",
        "versionNumbers": [9, 12, 15],
        "deploymentType": "Server",
        "buildNumber": 9_120_015,
        "serverTime": render::timestamp(OffsetDateTime::now_utc().unix_timestamp()),
        "serverTitle": "Demo Jira",
    }))
}

async fn fields() -> HttpResponse {
    let field = |id: &str, name: &str, kind: &str| -> Value {
        json!({
            "id": id,
            "name": name,
            "custom": id.starts_with("customfield_"),
            "orderable": true,
            "navigable": true,
            "searchable": true,
            "clauseNames": [id],
            "schema": { "type": kind },
        })
    };
    HttpResponse::Ok().json([
        field("summary", "Summary", "string"),
        field("description", "Description", "string"),
        field("project", "Project", "project"),
        field("issuetype", "Issue Type", "issuetype"),
        field("status", "Status", "status"),
        field("priority", "Priority", "priority"),
        field("resolution", "Resolution", "resolution"),
        field("reporter", "Reporter", "user"),
        field("assignee", "Assignee", "user"),
        field("labels", "Labels", "array"),
        field("components", "Component/s", "array"),
        field("created", "Created", "datetime"),
        field("updated", "Updated", "datetime"),
        field("comment", "Comment", "comments-page"),
        field("attachment", "Attachment", "array"),
        field(TIME_LOST, "Time Lost", "number"),
    ])
}

async fn projects(jira: web::Data<DemoJira>, version: web::Path<String>) -> HttpResponse {
    let style = jira.style(&version);
    HttpResponse::Ok().json(PROJECTS.map(|project| style.project(project)))
}

async fn project(jira: web::Data<DemoJira>, path: web::Path<(String, String)>) -> HttpResponse {
    let (version, key) = path.into_inner();
    match PROJECTS.iter().find(|project| project.is_called(&key)) {
        Some(project) => HttpResponse::Ok().json(jira.style(&version).project(project)),
        None => not_found(&format!("No project could be found with key '{key}'.")),
    }
}

/// Personal data: here so that a proxy's refusal has something to refuse.
async fn user(jira: web::Data<DemoJira>, version: web::Path<String>, pairs: web::Query<Pairs>) -> HttpResponse {
    let name = pairs
        .iter()
        .find(|(key, _)| key == "username" || key == "key")
        .map_or("", |(_, name)| name);
    match PEOPLE.iter().find(|person| person.name == name) {
        Some(person) => HttpResponse::Ok().json(jira.style(&version).person(person)),
        None => not_found(&format!("The user named '{name}' does not exist")),
    }
}

async fn myself(jira: web::Data<DemoJira>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "name": jira.account.name, "displayName": "Demo Bot", "active": true }))
}

async fn issue(jira: web::Data<DemoJira>, path: web::Path<(String, String)>, pairs: web::Query<Pairs>) -> HttpResponse {
    let (version, key) = path.into_inner();
    let Some(issue) = jira.issue(&key) else {
        return not_found("Issue Does Not Exist");
    };
    let mut fields = search::words(&pairs, "fields");
    if fields.is_empty() {
        fields.push("*all".to_owned());
    }
    let changelog = search::words(&pairs, "expand").iter().any(|word| word == "changelog");
    let style = Style {
        changelog,
        ..jira.style(&version)
    };
    HttpResponse::Ok().json(style.issue(issue, &Fields(fields)))
}

async fn comments(jira: web::Data<DemoJira>, path: web::Path<(String, String)>) -> HttpResponse {
    let (version, key) = path.into_inner();
    match jira.issue(&key) {
        Some(issue) => HttpResponse::Ok().json(jira.style(&version).comments(issue)),
        None => not_found("Issue Does Not Exist"),
    }
}

/// One board for each project.
async fn boards(jira: web::Data<DemoJira>) -> HttpResponse {
    let boards = PROJECTS.map(|project| {
        json!({
            "id": project.id,
            "self": format!("{}/rest/agile/1.0/board/{}", jira.base, project.id),
            "name": project.name,
            "type": "kanban",
            "location": { "projectKey": project.key },
        })
    });
    HttpResponse::Ok().json(json!({ "maxResults": 50, "startAt": 0, "total": 2, "isLast": true, "values": boards }))
}

/// Writes nothing, but was counted: behind a read-only proxy the count stays 0.
async fn create(jira: web::Data<DemoJira>, version: web::Path<String>) -> HttpResponse {
    let link = jira.style(&version).link("issue/100300");
    HttpResponse::Created().json(json!({ "id": "100300", "key": "DM-201", "self": link }))
}

/// Where a permanent link leads: a page for people, with a log-in of its own.
async fn browse(key: web::Path<String>) -> HttpResponse {
    let page = maud::html! {
        (maud::DOCTYPE)
        html lang="en" {
            head { title { "Demo Jira" } }
            body { h1 { (key.as_str()) } p { "On a real site this is Jira's own page, with Jira's own log-in." } }
        }
    };
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page.into_string())
}

async fn nothing_here() -> HttpResponse {
    not_found("There is nothing here in this demo.")
}

fn bad_request(message: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "errorMessages": [message], "errors": {} }))
}

fn not_found(message: &str) -> HttpResponse {
    HttpResponse::NotFound().json(json!({ "errorMessages": [message], "errors": {} }))
}

//! `-/problems/<name>`: what the `type` of an error leads to, for people.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{DOCTYPE, Markup, html};

use super::{mounted, own_route};
use crate::{
    error::ProxyError,
    problem::{self, ProblemType},
};

/// Everything inline and no script: the page has one style sheet of ten lines.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}\
h1{font-size:1.5rem;line-height:1.25;margin:.25rem 0 1.5rem}h2{font-size:1rem;margin:1.5rem 0 .25rem}p{margin:.25rem 0}\
.kind{opacity:.7;font-size:.875rem}code{font:.875em ui-monospace,monospace}li{margin:.35rem 0}a{color:inherit}";

pub(super) async fn page(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, ProxyError> {
    own_route(&request, "problems");
    let problem = problem::find(&name).ok_or(ProxyError::NotFound("there is no such kind of problem".into()))?;
    let service = mounted(&request)?.about.name;
    Ok(answer(&document(problem.title, service, &describe(problem))))
}

pub(super) async fn list(request: HttpRequest) -> Result<HttpResponse, ProxyError> {
    own_route(&request, "problems");
    let mounted = mounted(&request)?;
    let items = html! {
        ul { @for problem in problem::ALL {
            li { (problem.status) " " a href=(format!("{}/-/problems/{}", mounted.prefix, problem.name)) { (problem.title) } }
        } }
    };
    Ok(answer(&document(
        "Problems this service may report",
        mounted.about.name,
        &items,
    )))
}

fn describe(problem: &ProblemType) -> Markup {
    html! {
        h2 { "What happened" }
        p { (problem.meaning) }
        h2 { "What to do" }
        p { @for (index, part) in problem.hint.split('`').enumerate() { @if index % 2 == 1 { code { (part) } } @else { (part) } } }
        p.kind { "HTTP status " (problem.status) " · " code { (problem.name) } }
    }
}

fn document(title: &str, service: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – " (service) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { p.kind { (service) } h1 { (title) } (content) }
        }
    }
}

fn answer(page: &Markup) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("content-security-policy", CONTENT_SECURITY_POLICY))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("referrer-policy", "no-referrer"))
        .body(page.0.clone())
}

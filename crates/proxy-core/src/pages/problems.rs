//! `-/problems/<name>`: what the `type` of an error leads to, for people.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{DOCTYPE, Markup, html};

use super::{mounted, public};
use crate::{
    error::ProxyError,
    problem::{self, ProblemType},
};

/// Everything inline and no script: the page has one style sheet of ten lines.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = ":root{color-scheme:light dark}\
body{margin:0;background:light-dark(#fbfbfa,#14171b);color:light-dark(#1d2126,#e6e8ea);font:1rem/1.6 system-ui,sans-serif}\
main{max-width:42rem;margin:0 auto;padding:clamp(1.5rem,6vw,4rem) 1rem}\
h1{margin:.25rem 0 1.75rem;font-size:1.6rem;line-height:1.25;letter-spacing:-.01em}\
h2{margin:1.5rem 0 .25rem;font-size:1rem}p{margin:.25rem 0}p:last-child{margin-top:2rem}\
.kind{color:light-dark(#5c646e,#a0a8b2);font-size:.875rem}\
code{font:.875em ui-monospace,monospace;overflow-wrap:anywhere}\
ul{margin:0;padding:0;list-style:none;font-variant-numeric:tabular-nums}li{margin:.5rem 0}\
a{color:light-dark(#2457c5,#8fb2ff);text-underline-offset:.2em}";

pub(super) async fn page(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, ProxyError> {
    public(&request, "problems");
    let problem = problem::find(&name).ok_or(ProxyError::NotFound("there is no such kind of problem".into()))?;
    let service = mounted(&request)?.about.name;
    Ok(answer(&document(problem.title, service, &describe(problem))))
}

pub(super) async fn list(request: HttpRequest) -> Result<HttpResponse, ProxyError> {
    public(&request, "problems");
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
            body { main { p.kind { (service) } h1 { (title) } (content) } }
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

//! The landing page: what runs, how to ask it, and what to try.
//!
//! One page, one style sheet, one small script, nothing from elsewhere: the content security policy allows no more,
//! and the page reads the same without the script.

#[cfg(test)]
mod tests;
pub(crate) mod tries;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, web};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::addresses::{Addresses, INSTANCE_PREFIX, SIGN_IN};
use crate::banner::{OPEN, curl_line, efd, instance, keep_token, places, python_snippet};
use crate::issuer::LIFETIME;
use tries::{Group, Try, groups, preparation};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page as it is served; register it as `app_data` before `configure`.
pub(crate) struct Page {
    html: String,
    instance: String,
    cookie: String,
}

impl Page {
    pub(crate) fn new(addresses: &Addresses) -> Self {
        Self {
            html: render(addresses).into_string(),
            instance: format!("{}/", addresses.instance()),
            cookie: format!(
                "access_token={}; Path={INSTANCE_PREFIX}/; Max-Age={}; HttpOnly; SameSite=Lax",
                addresses.token,
                LIFETIME.as_secs()
            ),
        }
    }
}

pub(crate) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.route(
        "/",
        web::get().to(|page: web::Data<Page>| async move { file("text/html; charset=utf-8", page.html.clone()) }),
    )
    .route(
        "/playground.css",
        web::get().to(|| async { file("text/css; charset=utf-8", include_str!("page/style.css")) }),
    )
    .route(
        "/playground.js",
        web::get().to(|| async { file("text/javascript; charset=utf-8", include_str!("page/script.js")) }),
    )
    .route(SIGN_IN, web::get().to(sign_in))
    .route(
        "/favicon.ico",
        web::get().to(|| async { file("image/svg+xml", include_str!("page/icon.svg")) }),
    );
}

/// What a platform's own pages do: the token goes into the cookie that instance-proxy looks for. No other path gets it.
async fn sign_in(page: web::Data<Page>) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, page.instance.as_str()))
        .insert_header((SET_COOKIE, page.cookie.as_str()))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}

/// Not stored: the next start has other ports and another token.
fn file(content_type: &str, body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body.into())
}

fn render(addresses: &Addresses) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "nbgate playground" }
                link rel="icon" href="/favicon.ico" type="image/svg+xml";
                link rel="stylesheet" href="/playground.css";
                script src="/playground.js" defer {}
            }
            body {
                main {
                    header {
                        h1 { "nbgate " span { "playground" } }
                        p.lead { "Jira, the EFD and one’s own machine from a notebook, with nothing but the platform token the notebook already has." }
                    }
                    (picture())
                    (running(addresses))
                    (first_request(addresses))
                    (things_to_try(addresses))
                    footer { "Everything here runs on this machine and keeps nothing. Ctrl-C in the terminal ends it." }
                }
            }
        }
    }
}

fn picture() -> Markup {
    html! {
        figure aria-label="A notebook sends its platform token to jira-proxy or efd-token, which ask Jira or the EFD with a key of their own." {
            ol.path {
                li { strong { "Notebook" } span { "no key to either" } }
                li.wire { span { "your token" } (arrow()) }
                li.ours { strong { "jira-proxy, efd-token" } span { "who? may\u{a0}they? as\u{a0}whom?" } }
                li.wire { span { "the shared key" } (arrow()) }
                li { strong { "Jira, EFD" } span { "see a service account" } }
            }
            figcaption { "Your token ends at the service, the shared key starts there. Neither passes to the other side. instance-proxy leads to a machine of your own, which needs no key: "
                "your token ends there as well." }
        }
    }
}

fn arrow() -> Markup {
    PreEscaped(
        r#"<svg viewBox="0 0 48 12" width="48" height="12" aria-hidden="true"><path d="M1 6h44M40 1.5 45.5 6 40 10.5" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/></svg>"#
            .to_owned(),
    )
}

fn running(addresses: &Addresses) -> Markup {
    html! {
        section {
            h2 { "What runs" }
            dl.places {
                @for place in places(addresses).iter().skip(1) {
                    div {
                        dt { (place.name) }
                        dd { code { (place.url) } span { (place.about) } }
                    }
                }
            }
            @for (name, url, admin) in [
                ("jira-proxy", addresses.jira(), addresses.jira_admin),
                ("efd-token", addresses.efd(), addresses.efd_admin),
                ("instance-proxy", addresses.instances(), addresses.instance_admin),
            ] {
                p {
                    strong { (name) } ": "
                    a href={ (url) "/-/docs/" } { "API documentation" } " · "
                    a href={ (url) "/-/problems" } { "Problems it may report" } " · "
                    a href={ "http://" (admin) "/metrics" } { "Metrics" }
                }
            }
            @if let Some(file) = &addresses.ca_file {
                p {
                    "All three speak https. Their certificate is signed by an authority that was made for this run: "
                    code { (file.display()) }
                    ". A browser does not know it, and warns before it opens their documentation and problems."
                }
            }
        }
    }
}

fn first_request(addresses: &Addresses) -> Markup {
    html! {
        section {
            h2 { "A first request" }
            @if let Some(line) = keep_token(addresses) {
                p { (OPEN) }
                (copyable("token to keep", &line))
            }
            p { "To Jira, in a terminal:" }
            (copyable("curl line", &curl_line(addresses)))
            p { "In a notebook, with Python’s standard library:" }
            (copyable("Python snippet", &python_snippet(addresses)))
            p { "To the EFD, in a terminal:" }
            (copyable("EFD curl line", &efd::curl_line(addresses)))
            p { "In a notebook, with a lease, Python’s standard library, and stars for a plot:" }
            (copyable("EFD Python snippet", &efd::python_snippet(addresses)))
            (with_efd_client(addresses))
            (own_instance(addresses))
            p {
                "All of them read the token of " strong { "ada" } " from a file that goes away at the end. This is the token, "
                "good for 8 hours; the API documentation asks for it under “Authorize”:"
            }
            div.copyable.token data-what="token" { pre tabindex="0" { code { (addresses.token) } } }
        }
    }
}

fn with_efd_client(addresses: &Addresses) -> Markup {
    html! {
        @match efd::client_snippet(addresses) {
            Some(snippet) => {
                p { "In a notebook that has the package " code { "lsst-efd-client" } ", with a real plot:" }
                (copyable("EfdClient snippet", &snippet))
            }
            None => p {
                code { "EfdClient" } " speaks https and nothing else: started with " code { "cargo run -- --tls" }
                ", this page has a snippet for it."
            }
        }
    }
}

fn own_instance(addresses: &Addresses) -> Markup {
    html! {
        p { "To the instance of ada, in a terminal; it answers with what reached it:" }
        (copyable("instance curl line", &instance::curl_line(addresses)))
        p {
            "In a browser: " a href=(addresses.sign_in()) { "open the instance" }
            ", signed in as ada by a cookie, as a platform’s own pages do it."
        }
    }
}

fn things_to_try(addresses: &Addresses) -> Markup {
    html! {
        section {
            h2 { "Things to try" }
            p { "Once, in the terminal where you try them:" }
            (copyable("preparation", &preparation(addresses)))
            @for Group { title, tries } in groups(addresses) {
                h3 { (title) }
                @for Try { title, command, status, outcome } in tries {
                    article {
                        h4 { span { (title) } " " (badge(status)) }
                        (copyable(title, &command))
                        p { (outcome) }
                    }
                }
            }
        }
    }
}

fn badge(status: u16) -> Markup {
    let kind = match status {
        101 | 200..300 => "fine",
        400..500 => "refused",
        _ => "failed",
    };
    html! { span.badge.(kind) { span.hidden { "answers " } (status) } }
}

/// The script adds a button that copies the text; `what` is the button's name for those who hear it.
///
/// Lines and words are elements, so that a long line breaks between words and its rest is set in.
fn copyable(what: &str, text: &str) -> Markup {
    html! {
        div.copyable data-what=(what) {
            pre { code {
                @for line in text.split_inclusive('\n') {
                    span.line { @for word in line.split_inclusive(' ') { span { (word) } } }
                }
            } }
        }
    }
}

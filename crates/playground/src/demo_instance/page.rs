//! The instance's page, for people: what reached it, files, events, the WebSocket.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{DOCTYPE, Markup, html};

use super::{DemoInstance, reached};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'none'; base-uri 'self'; frame-ancestors 'none'";
/// Where a proxy says that this instance is, as its visitors see it.
const PREFIX: &str = "x-forwarded-prefix";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.route("/", web::get().to(page))
        .route(
            "/instance.css",
            web::get().to(|| async { file("text/css; charset=utf-8", include_str!("../page/style.css")) }),
        )
        .route(
            "/instance.js",
            web::get().to(|| async { file("text/javascript; charset=utf-8", include_str!("script.js")) }),
        )
        .route(
            "/icon.svg",
            web::get().to(|| async { file("image/svg+xml", include_str!("../page/icon.svg")) }),
        );
}

fn file(content_type: &str, body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body.into())
}

async fn page(instance: web::Data<DemoInstance>, request: HttpRequest) -> HttpResponse {
    let prefix = request.headers().get(PREFIX).and_then(|prefix| prefix.to_str().ok());
    let page = render(
        prefix.unwrap_or_default(),
        &reached(request.head()),
        &instance.files.list(),
    );
    file("text/html; charset=utf-8", page)
}

fn render(prefix: &str, reached: &str, files: &[(String, usize)]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Demo instance" }
                // Also where the address has no slash at its end.
                base href={ (prefix) "/" };
                link rel="icon" href="icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="instance.css";
                script src="instance.js" defer {}
            }
            body {
                main {
                    header {
                        h1 { "Demo instance" }
                        p.lead { "Somebody’s own machine, as far as a demo has one." }
                    }
                    section {
                        h2 { "What reached it" }
                        p { "This is all that came with your request for this page. The token that let you in is not there." }
                        div.copyable { pre { code #reached { (reached) } } }
                    }
                    (files_section(files))
                    section {
                        h2 { "Events" }
                        p { "Ten in three seconds, each shown as it comes." }
                        p { button #listen type="button" { "Listen" } }
                        div.copyable.came { pre { code #events role="status" {} } }
                    }
                    section {
                        h2 { "WebSocket" }
                        p { "Whatever you say comes back." }
                        form #speak { input #words aria-label="What to say" value="Hello" autocomplete="off"; button { "Say" } }
                        div.copyable.came { pre { code #echo role="status" {} } }
                    }
                    footer { "What is uploaded here is gone when the playground ends." }
                }
            }
        }
    }
}

fn files_section(files: &[(String, usize)]) -> Markup {
    html! {
        section {
            h2 { "Files" }
            @if files.is_empty() {
                p { "None yet." }
            } @else {
                ul { @for (name, size) in files { li { a href={ "files/" (name) } download { (name) } ", " (size) " bytes" } } }
            }
            form #upload { input #file type="file" aria-label="File to upload" required; button { "Upload" } }
            p #uploaded role="status" {}
        }
    }
}

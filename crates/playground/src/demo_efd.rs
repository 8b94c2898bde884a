//! A look-alike of the EFD, an InfluxDB 1.x, for the playground: three topics over the last 48 hours.
//!
//! It decides nothing about the service in front of it; it checks the reader's password as InfluxDB does, knows no
//! statement that writes, and notes what reaches it (`/demo/seen`): what it does not understand counts as a write.

mod answer;
mod functions;
mod select;
mod show;
mod statement;
mod topics;
mod words;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use actix_web::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use time::OffsetDateTime;

use crate::account::{Account, Caller};
use crate::seen::Seen;
use answer::{Format, Outcome};
use statement::Statement;
use words::SECOND;

const VERSION: (&str, &str) = ("X-Influxdb-Version", "1.6.7");
/// Rows, if the caller does not say how many.
const USUAL_CHUNK: usize = 10_000;

/// What the simulator's workers share; register it as `app_data` before `configure`.
pub(crate) struct DemoEfd {
    account: Account,
    seen: Seen,
}

impl DemoEfd {
    pub(crate) fn new(account: Account) -> Self {
        Self {
            account,
            seen: Seen::default(),
        }
    }
}

pub(crate) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.route("/demo/seen", web::get().to(seen)).service(
        web::scope("")
            .wrap(DefaultHeaders::new().add(VERSION).add(("X-Influxdb-Build", "OSS")))
            .service(web::resource("/ping").to(HttpResponse::NoContent))
            .service(
                web::resource("/query")
                    .route(web::get().to(query))
                    .route(web::post().to(query)),
            )
            .default_service(web::to(nothing_here)),
    );
}

/// What was sent: by a form in the body, by the query string, or by both, of which the body is heard first.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(request: &HttpRequest, body: &str) -> Self {
        let kind = request.headers().get(CONTENT_TYPE);
        let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let sources = [if is_form { body } else { "" }, request.query_string()];
        let pairs = sources.map(web::Query::<Vec<(String, String)>>::from_query);
        Self(pairs.into_iter().flatten().flat_map(web::Query::into_inner).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn format(&self) -> Format {
        let epoch = self
            .get("epoch")
            .filter(|unit| !unit.is_empty())
            .map(|unit| match unit {
                "u" | "µ" => 1000,
                "ms" => SECOND / 1000,
                "s" => SECOND,
                "m" => 60 * SECOND,
                "h" => 3600 * SECOND,
                _ => 1,
            });
        let size = self
            .get("chunk_size")
            .and_then(|size| size.parse().ok())
            .filter(|size| *size > 0);
        Format {
            epoch,
            pretty: self.get("pretty") == Some("true"),
            chunk: (self.get("chunked") == Some("true")).then_some(size.unwrap_or(USUAL_CHUNK)),
        }
    }
}

async fn query(efd: web::Data<DemoEfd>, request: HttpRequest, body: String) -> HttpResponse {
    let parameters = Parameters::of(&request, &body);
    let format = parameters.format();
    let error = |mut response: actix_web::HttpResponseBuilder, message: &str| {
        let body = format.text(&json!({ "error": message }));
        response.content_type("application/json").body(body)
    };
    if !matches!(efd.account.caller(request.headers()), Caller::Account) {
        efd.seen.note(request.head(), false, parameters.get("q"));
        let mut response = HttpResponse::Unauthorized();
        response.insert_header((WWW_AUTHENTICATE, "Basic realm=\"InfluxDB\""));
        return error(response, "authorization failed");
    }
    let Some(text) = parameters.get("q").filter(|text| !text.is_empty()) else {
        return error(HttpResponse::BadRequest(), "missing required parameter \"q\"");
    };
    let now = OffsetDateTime::now_utc().unix_timestamp() * SECOND;
    let outcomes = outcomes(text, parameters.get("db"), now);
    efd.seen.note(request.head(), outcomes.is_err(), Some(text));
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(problem) => return error(HttpResponse::BadRequest(), &format!("error parsing query: {problem}")),
    };
    let documents = format.documents(outcomes).into_iter();
    let documents = documents.map(|document| Ok::<_, Infallible>(Bytes::from(document)));
    HttpResponse::Ok()
        .content_type("application/json")
        .streaming(stream::iter(documents))
}

/// One for each statement; what follows one that fails is not tried.
fn outcomes(query: &str, database: Option<&str>, now: i64) -> Result<Vec<Outcome>, String> {
    let mut failed = false;
    let statements = statement::parse(query, now)?;
    let outcomes = statements.iter().map(|statement| {
        let outcome = match statement {
            _ if failed => Err("not executed".to_owned()),
            Statement::Show(list, source) => show::show(list, source, database),
            Statement::Select(wanted) => show::check(&wanted.source, database)
                .and_then(|()| select::select(wanted, now))
                .map(|series| series.into_iter().collect()),
        };
        failed |= outcome.is_err();
        outcome
    });
    Ok(outcomes.collect())
}

async fn seen(efd: web::Data<DemoEfd>) -> HttpResponse {
    efd.seen.show()
}

async fn nothing_here(efd: web::Data<DemoEfd>, request: HttpRequest) -> HttpResponse {
    efd.seen.note(request.head(), true, None);
    HttpResponse::NotFound().body("404 page not found\n")
}

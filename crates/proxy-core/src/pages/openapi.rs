//! `-/openapi.json`: the service's own routes, and the operations that its crate describes as far as the policy allows
//! them. Holds no address but the public prefix; the policy itself, with a site's own names of rules and groups, is for
//! callers who may use the service.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::{Mounted, mounted, personal, public, record};
use crate::{error::ProxyError, problem};

pub(super) async fn openapi(request: HttpRequest) -> Result<HttpResponse, ProxyError> {
    let (mounted, record) = (mounted(&request)?, record(&request)?);
    let admitted = mounted
        .site
        .entrance()
        .authenticate(&record, request.head())
        .await
        .is_ok();
    // The document is for everybody: whatever spoke against the caller, they get what everybody gets.
    public(&request, "openapi");
    Ok(personal().json(document(&mounted, admitted)))
}

fn document(mounted: &Mounted, admitted: bool) -> Value {
    let policy = match admitted {
        true => format!(
            "The policy, first match wins:\n\n```text\n{}```",
            mounted.site.policy_table()
        ),
        false => "Send a token with the request for this document, and it shows the policy; `-/why` explains it for a single request.".to_owned(),
    };
    let mut paths = own_paths();
    paths.extend(mounted.site.operations());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": mounted.about.name,
            "version": mounted.about.version,
            "description": format!(
                "{}\n\nEvery request carries your platform token; whatever else an upstream wants stays on the server. \
                 {policy}",
                mounted.about.description,
            ),
        },
        "servers": [{ "url": mounted.prefix }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "description": "The token that your notebook already has." } },
            "schemas": { "Problem": problem_schema() },
        },
    })
}

fn own_paths() -> Map<String, Value> {
    let refusals = json!({ "401": problem_response("No credential, or one that is not accepted."), "403": problem_response("A scope or group is missing."), "503": problem_response("The identity provider does not answer.") });
    let with = |summary: &str, parameters: Value, ok: &str| {
        let mut responses = refusals.clone();
        responses["200"] = json!({ "description": ok });
        json!({ "get": { "tags": ["about you"], "summary": summary, "parameters": parameters, "responses": responses } })
    };
    let parameter = |name: &str, required: bool, example: &str, text: &str| json!({ "name": name, "in": "query", "required": required, "description": text, "schema": { "type": "string" }, "example": example });
    let why = json!([
        parameter("method", false, "GET", "GET unless given."),
        parameter("path", true, "rest/api/2/serverInfo", "Below the prefix.")
    ]);
    Map::from_iter([
        (
            "/-/me".to_owned(),
            with(
                "Who you are, as this service sees it",
                json!([]),
                "User, groups, scopes, expiry.",
            ),
        ),
        (
            "/-/why".to_owned(),
            with(
                "Why a request of yours is allowed or refused",
                why,
                "The rule that decides.",
            ),
        ),
    ])
}

/// A reference to the one form of errors.
fn problem_response(description: &str) -> Value {
    json!({ "description": description, "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } })
}

fn problem_schema() -> Value {
    let names: Vec<&str> = problem::ALL.iter().map(|problem| problem.name).collect();
    json!({
        "type": "object",
        "description": format!("RFC 9457. `type` ends in one of: {}.", names.join(", ")),
        "required": ["type", "title", "status", "detail", "hint", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "hint": { "type": "string", "description": "What to do next." },
            "request_id": { "type": "string" },
            "retry_after": { "type": "integer", "description": "Seconds." },
        },
    })
}

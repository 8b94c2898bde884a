//! `-/why?method=&path=`: explains a decision to the caller, about the caller.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use serde::Deserialize;
use serde_json::json;

use super::{caller, personal};
use crate::{error::ProxyError, policy::Verdict};

#[derive(Deserialize)]
pub(super) struct Question {
    #[serde(default = "get")]
    method: String,
    path: String,
}

fn get() -> String {
    "GET".to_owned()
}

pub(super) async fn why(request: HttpRequest, question: web::Query<Question>) -> Result<HttpResponse, ProxyError> {
    let (mounted, identity) = caller(&request, "why").await?;
    let method = Method::from_bytes(question.method.as_bytes())
        .map_err(|_| ProxyError::BadRequest("`method` is not an HTTP method".into()))?;
    let below = question
        .path
        .strip_prefix(mounted.prefix.as_str())
        .unwrap_or(&question.path);
    let target = format!("{}/{}", mounted.prefix, below.strip_prefix('/').unwrap_or(below));
    let (allowed, rule, because) = match mounted.site.explain(&identity, &method, &target) {
        Ok(Verdict::Allowed(rule)) => (true, Some(rule), "this rule allows it".to_owned()),
        Ok(Verdict::Denied(rule)) => (false, Some(rule), "this rule denies it".to_owned()),
        Ok(Verdict::Lacking(rule)) => (
            false,
            Some(rule),
            "this rule would allow it to somebody with the group and scope that it names".to_owned(),
        ),
        Ok(Verdict::Method(allow)) => (false, None, format!("the path is published, but only with {allow}")),
        Ok(Verdict::Unknown) => (false, None, "no rule publishes this path".to_owned()),
        Err(error @ ProxyError::BadRequest(_)) => (false, None, error.to_string()),
        Err(_) => (
            false,
            None,
            "the path is written in a way that could be read as another one".to_owned(),
        ),
    };
    Ok(personal().json(json!({
        "user": identity.user(),
        "method": method.as_str(),
        "path": target,
        "allowed": allowed,
        "rule": rule.as_deref(),
        "because": because,
    })))
}

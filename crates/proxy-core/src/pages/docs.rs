//! `-/docs`: Swagger UI, from the binary itself, with the caller's bearer token.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, LOCATION},
    web,
};
use utoipa_swagger_ui::Config;

use super::{mounted, public};
use crate::error::ProxyError;

/// Scripts and styles of the page itself and no other; Swagger UI sets styles on its elements.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Relative links need the slash at the end.
pub(super) async fn to_folder(request: HttpRequest) -> Result<HttpResponse, ProxyError> {
    public(&request, "docs");
    let location = format!("{}/-/docs/", mounted(&request)?.prefix);
    Ok(HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, location))
        .finish())
}

pub(super) async fn file(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, ProxyError> {
    public(&request, "docs");
    let config = Config::from("../openapi.json")
        .use_base_layout()
        .try_it_out_enabled(true)
        .persist_authorization(false)
        .validator_url("none");
    let file = utoipa_swagger_ui::serve(&path, Arc::new(config)).map_err(|error| ProxyError::Internal {
        detail: error.to_string(),
    })?;
    let file = file.ok_or(ProxyError::NotFound("there is no such file".into()))?;
    Ok(HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((CACHE_CONTROL, "private, max-age=3600"))
        .insert_header(("content-security-policy", CONTENT_SECURITY_POLICY))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("referrer-policy", "no-referrer"))
        .body(file.bytes.into_owned()))
}

//! `-/docs`: Swagger UI, from the binary itself, with the caller's bearer token.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::Read as _,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, Encoding, Header as _, LOCATION, VARY},
    web,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use utoipa_swagger_ui::Config;

use super::{mounted, public};
use crate::error::ProxyError;

/// Scripts and styles of the page itself and no other; Swagger UI sets styles on its elements.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What was unpacked, by name: each file once. Whoever asks needs no identity, and a worker that unpacks a megabyte serves
/// nobody meanwhile. There are as many as there are files in the binary.
static UNPACKED: LazyLock<RwLock<BTreeMap<String, Bytes>>> = LazyLock::new(RwLock::default);

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
    let mut response = HttpResponse::Ok();
    response.content_type(file.content_type);
    let bytes = match is_packed(&file.bytes) {
        true if takes_gzip(&request) => {
            response.insert_header((CONTENT_ENCODING, "gzip"));
            shared(file.bytes)
        }
        true => unpacked(&path, &file.bytes)?,
        false => shared(file.bytes),
    };
    Ok(response
        .insert_header((VARY, "Accept-Encoding"))
        .insert_header((CACHE_CONTROL, "private, max-age=3600"))
        .insert_header(("content-security-policy", CONTENT_SECURITY_POLICY))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("referrer-policy", "no-referrer"))
        .body(bytes))
}

/// What lies in the binary is sent from there.
fn shared(bytes: Cow<'static, [u8]>) -> Bytes {
    match bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// Most files are in the binary as gzip (RFC 1952, 2.3.1: how it begins).
fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let offered = [Encoding::gzip(), Encoding::identity()];
    AcceptEncoding::parse(request).is_ok_and(|accepted| accepted.negotiate(offered.iter()) == Some(Encoding::gzip()))
}

fn unpacked(name: &str, packed: &[u8]) -> Result<Bytes, ProxyError> {
    let known = UNPACKED
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(name)
        .cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let mut plain = Vec::new();
    GzDecoder::new(packed)
        .read_to_end(&mut plain)
        .map_err(|error| ProxyError::Internal {
            detail: error.to_string(),
        })?;
    let plain = Bytes::from(plain);
    let mut files = UNPACKED.write().unwrap_or_else(PoisonError::into_inner);
    Ok(files.entry(name.to_owned()).or_insert(plain).clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Config, is_packed, unpacked};

    #[test]
    fn a_file_is_unpacked_once() {
        let file = utoipa_swagger_ui::serve("swagger-ui.css", Arc::new(Config::from("x")))
            .unwrap()
            .unwrap();
        assert!(is_packed(&file.bytes));
        let (one, two) = (
            unpacked("swagger-ui.css", &file.bytes).unwrap(),
            unpacked("swagger-ui.css", b"").unwrap(),
        );
        assert!(one.starts_with(b".swagger-ui"), "{:?}", one.slice(..20));
        assert_eq!(one.as_ptr(), two.as_ptr());
    }
}

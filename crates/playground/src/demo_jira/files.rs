//! The one file that is attached to demo issues: a real PNG, so that a proxy that damages binary bodies is noticed.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web;

use super::{DemoJira, not_found};

pub(super) const NAME: &str = "star-field.png";
pub(super) const TYPE: &str = "image/png";
pub(super) const PICTURE: &[u8] = include_bytes!("star-field.png");

pub(super) async fn attachment(jira: web::Data<DemoJira>, path: web::Path<(u32, String)>) -> HttpResponse {
    let (id, name) = path.into_inner();
    let known = jira.issues.iter().any(|issue| issue.attachment == Some(id));
    if !known || name != NAME {
        return not_found(&format!("The attachment with id '{id}' does not exist"));
    }
    HttpResponse::Ok()
        .content_type(TYPE)
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{NAME}")))
        .body(web::Bytes::from_static(PICTURE))
}

//! Files that were uploaded, in memory and few.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use bytes::Bytes;

use super::DemoInstance;

/// Of one file.
pub(super) const MAX_BYTES: usize = 16 << 20;
const MAX_FILES: usize = 8;

#[derive(Default)]
pub(super) struct Files(Mutex<BTreeMap<String, Bytes>>);

impl Files {
    /// Names and sizes.
    pub(super) fn list(&self) -> Vec<(String, usize)> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files
            .iter()
            .map(|(name, content)| (name.clone(), content.len()))
            .collect()
    }

    fn get(&self, name: &str) -> Option<Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Whether there was room.
    fn put(&self, name: String, content: Bytes) -> bool {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = files.len() < MAX_FILES || files.contains_key(&name);
        if has_room {
            files.insert(name, content);
        }
        has_room
    }
}

pub(super) async fn upload(
    instance: web::Data<DemoInstance>,
    name: web::Path<String>,
    content: web::Bytes,
) -> HttpResponse {
    let (name, size) = (name.into_inner(), content.len());
    if instance.files.put(name.clone(), content) {
        HttpResponse::Created().body(format!("{name}: {size} bytes\n"))
    } else {
        HttpResponse::InsufficientStorage()
            .body(format!("This instance has {MAX_FILES} files, which is all it takes.\n"))
    }
}

/// To be saved, never to be shown: the page would be one of the platform's.
pub(super) async fn download(instance: web::Data<DemoInstance>, name: web::Path<String>) -> HttpResponse {
    match instance.files.get(&name) {
        Some(content) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/octet-stream"))
            .insert_header((CONTENT_DISPOSITION, "attachment"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(content),
        None => super::nothing_here().await,
    }
}

//! Who says where an instance is, and whose: its configuration.

use std::{net::IpAddr, time::Duration};

use serde_json::Value;
use url::Url;

use super::is_id;
use crate::{
    access::Access,
    config::{Problems, Reader, Section, Validate, sections::check},
};

/// Who says where an instance is, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstancesConfig {
    /// VISA's API server.
    Visa {
        /// Where it is.
        api: Url,
        /// How long an answer is believed.
        refresh: Duration,
    },
    /// A list of [`ListedConfig`].
    Static,
}

impl Section for InstancesConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        if !reader.choice("kind", &[("visa", true), ("static", false)])? {
            return reader.finish().then_some(Self::Static);
        }
        let refresh = Duration::from_secs(reader.whole("refresh_seconds", 1..=60));
        let (host, port) = (reader.text("api_host"), reader.whole("api_port", 1..=u16::MAX));
        let meant = reader.flag("allow_insecure_http");
        let url = reader.optional("api_url", |text| match check::base_url(text)? {
            url if url.scheme() == "http" && !meant && !check::is_loopback(&url) => {
                Err("would send tokens in the clear: use https, or set allow_insecure_http = true".to_owned())
            }
            url => Ok(url),
        });
        let readable = reader.finish();
        let of_host = || check::base_url(&format!("http://{host}:{port}/"));
        let url = url.map_or_else(of_host, Ok);
        let url = url
            .map_err(|what| problems.add("api_host", format!("is no host: {what}")))
            .ok();
        Some(Self::Visa { api: url?, refresh }).filter(|_| readable)
    }
}

impl Validate for InstancesConfig {
    fn validate(&self, problems: &mut Problems) {
        if let Self::Visa { api, .. } = self
            && api.scheme() == "http"
            && !check::is_loopback(api)
        {
            problems.warn("api_host", "is asked over http: whoever is on the way sees tokens");
        }
    }
}

/// `[[tenant.instance]]`.
#[derive(Clone, Debug)]
pub struct ListedConfig {
    /// Its id in paths.
    pub id: String,
    /// Where it is.
    pub address: IpAddr,
    /// Whose it is.
    pub access: Access,
}

impl Section for ListedConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let id = reader.parsed("id", |text| match is_id(text) {
            true => Ok(text.to_owned()),
            false => Err("is no id: write 1 to 64 letters and digits, a number without zeros in front".to_owned()),
        });
        let address = reader.parsed("address", |text| {
            text.parse()
                .map_err(|_| "is not an IP address: write one such as 10.0.3.17".to_owned())
        });
        let access = Access::take(&mut reader);
        let readable = reader.finish();
        let section = Self {
            id: id?,
            address: address?,
            access,
        };
        Some(section).filter(|_| readable)
    }
}

impl Validate for ListedConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.access.anonymous {
            problems.add("anonymous", "is set: an instance is somebody's, remove it");
        }
    }
}

//! How the EFD is asked: with curl, in Python, and with the client that its users know.  (pure)

use super::{quoted, token_in_shell, trust_in_curl, trust_in_python};
use crate::addresses::{Addresses, EFD_KEY};

/// Hour by hour; the first hour of a day that has just begun may be empty.
const QUERY: &str = "SELECT mean(temperatureItem0) FROM \"lsst.sal.ESS.temperature\" \
                     WHERE time > now() - 1d GROUP BY time(1h) fill(none)";

/// With the platform token in the place of a lease.
pub(crate) fn curl_line(addresses: &Addresses) -> String {
    format!(
        "curl{} -H \"Authorization: Bearer {}\" --data-urlencode 'q={QUERY}' '{}?db=efd'",
        trust_in_curl(addresses),
        token_in_shell(addresses),
        addresses.efd_query()
    )
}

/// Fetches a lease and draws a curve, as far as a terminal can.
pub(crate) fn python_snippet(addresses: &Addresses) -> String {
    let (import, trust, context) = trust_in_python(addresses);
    format!(
        r#"import json{import}, urllib.parse as parse, urllib.request as web
{trust}ask = lambda url, key: json.load(web.urlopen(web.Request(url, headers={{"Authorization": "Bearer " + key}}){context}))
lease = ask("{}/creds/{EFD_KEY}", open({}).read())
query = {{"db": "efd", "q": '{QUERY}'}}
url = "{}://{{host}}:{{port}}{{path}}query?".format(**lease) + parse.urlencode(query)
hours = ask(url, lease["password"])["results"][0]["series"][0]["values"]
for time, degrees in hours: print(time, "%5.1f" % degrees, "*" * round(4 * degrees))"#,
        addresses.efd(),
        quoted(&addresses.token_file),
        addresses.scheme()
    )
}

/// For a notebook that has the package `lsst-efd-client`, which speaks https and nothing else.
pub(crate) fn client_snippet(addresses: &Addresses) -> Option<String> {
    let authority = quoted(addresses.ca_file.as_deref()?);
    let creds_service = addresses.efd();
    let (_, address) = creds_service.split_once("://")?;
    Some(format!(
        r#"import os
os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = {authority}
from astropy.time import Time, TimeDelta
from lsst_efd_client import EfdClient
token, end = open({}).read(), Time.now()
efd = EfdClient("{EFD_KEY}", creds_service="https://" + token + ":@{address}/")
fields = ["temperatureItem0", "temperatureItem1"]
table = await efd.select_time_series("lsst.sal.ESS.temperature", fields, end - TimeDelta(2, format="jd"), end)
table.plot()"#,
        quoted(&addresses.token_file)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_python_snippet_imports_the_standard_library_only() {
        for (addresses, lines, expected) in [
            (
                Addresses::example(),
                7,
                "import json, urllib.parse as parse, urllib.request as web",
            ),
            (
                Addresses::example_with_tls(),
                8,
                "import json, ssl, urllib.parse as parse, urllib.request as web",
            ),
        ] {
            let snippet = python_snippet(&addresses);
            assert_eq!(snippet.lines().count(), lines);
            let imports: Vec<&str> = snippet.lines().filter(|line| line.contains("import")).collect();
            assert_eq!(imports, [expected]);
        }
    }

    #[test]
    fn over_https_every_snippet_names_the_authority_and_only_then_there_is_one_for_efd_client() {
        let addresses = Addresses::example_with_tls();
        let client = client_snippet(&addresses).unwrap();
        for snippet in [&curl_line(&addresses), &python_snippet(&addresses), &client] {
            assert!(snippet.contains("/tmp/nbgate-example/ca.pem"), "{snippet}");
            assert!(!snippet.contains("http://"), "{snippet}");
        }
        assert!(
            client.contains(r#"creds_service="https://" + token + ":@127.0.0.1:8082/segwarides/""#),
            "{client}"
        );
        assert!(client_snippet(&Addresses::example()).is_none());
    }

    #[test]
    fn a_temporary_directory_may_have_any_name() {
        let mut addresses = Addresses::example_with_tls();
        addresses.token_file = "/tmp/ada's \"own\"/token".into();
        let expected = r#"open("/tmp/ada's \"own\"/token").read()"#;
        assert!(python_snippet(&addresses).contains(expected));
        assert!(client_snippet(&addresses).unwrap().contains(expected));
        assert!(curl_line(&addresses).contains(r#"$(cat '/tmp/ada'\''s "own"/token')"#));
    }
}

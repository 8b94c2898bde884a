use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service};

use super::*;

#[test]
fn the_page_tells_every_address_the_token_and_both_snippets() {
    for addresses in [Addresses::example(), Addresses::example_with_tls()] {
        tells_everything(&addresses);
    }
}

fn tells_everything(addresses: &Addresses) {
    let page = text(&render(addresses).into_string());
    // Its own address is in the browser's address bar.
    for place in places(addresses).iter().skip(1) {
        assert!(page.contains(&place.url), "{}", place.name);
    }
    for text in [
        &addresses.token,
        &curl_line(addresses),
        &python_snippet(addresses),
        &efd::curl_line(addresses),
        &efd::python_snippet(addresses),
        &efd::client_snippet(addresses).unwrap_or_default(),
        &instance::curl_line(addresses),
        &preparation(addresses),
    ] {
        assert!(page.contains(text.as_str()), "{text}");
    }
    let authority = addresses.ca_file.as_ref().map_or("", |file| file.to_str().unwrap());
    assert!(page.contains(authority), "{authority}");
    for Try { command, .. } in groups(addresses).into_iter().flat_map(|group| group.tries) {
        assert!(page.contains(&command), "{command}");
    }
}

#[test]
fn the_page_leads_nowhere_but_to_this_machine() {
    let pages = [Addresses::example(), Addresses::example_with_tls()].map(|addresses| render(&addresses).into_string());
    let page = pages.concat();
    // Of commands: the host of a lease, the token that stands before this machine's address, and an origin that is refused.
    let here = ["127.0.0.1:", "{host}:", "&quot; ", "elsewhere.example' "];
    for rest in page.split("//").skip(1) {
        let leads_here = here.iter().any(|host| rest.starts_with(host));
        assert!(leads_here, "{}", &rest[..rest.len().min(40)]);
    }
    for forbidden in ["style=", "onclick", "<style", "@import"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[actix_web::test]
async fn the_page_and_its_files_are_served_under_the_strict_policy() {
    let page = web::Data::new(Page::new(&Addresses::example()));
    let app = init_service(App::new().app_data(page).configure(configure)).await;
    for (path, kind) in [
        ("/", "text/html"),
        ("/playground.css", "text/css"),
        ("/playground.js", "text/javascript"),
    ] {
        let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap();
        assert!(header("content-type").starts_with(kind), "{path}");
        assert!(
            header("content-security-policy").starts_with("default-src 'none'"),
            "{path}"
        );
        assert_eq!(header("cache-control"), "no-store");
    }
}

/// The text that a reader sees and copies.
fn text(html: &str) -> String {
    let pieces = html
        .split('<')
        .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    let text: String = pieces.collect();
    text.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

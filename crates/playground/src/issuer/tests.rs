use actix_web::{App, test};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use super::*;

const URL: &str = "http://127.0.0.1:4000";

async fn ask(request: test::TestRequest) -> (u16, Value) {
    let issuer = web::Data::new(Issuer::new(URL.to_owned()).unwrap());
    let app = test::init_service(App::new().app_data(issuer).configure(configure)).await;
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status().as_u16();
    (status, test::read_body_json(response).await)
}

fn verify(token: &str, keys: &JwkSet) -> jsonwebtoken::errors::Result<Value> {
    let kid = decode_header(token)?.kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&kid).unwrap())?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[URL]);
    decode::<Value>(token, &key, &validation).map(|token| token.claims)
}

#[actix_web::test]
async fn a_token_verifies_against_the_published_keys() {
    let issuer = web::Data::new(Issuer::new(URL.to_owned()).unwrap());
    let app = test::init_service(App::new().app_data(issuer).configure(configure)).await;
    let keys: Value = test::call_and_read_body_json(&app, test::TestRequest::get().uri("/jwks").to_request()).await;
    assert!(keys["keys"][0].get("d").is_none(), "the private part is published");
    let form = [("grant_type", "client_credentials"), ("username", "ada")];
    let request = test::TestRequest::post().uri("/token").set_form(form).to_request();
    let answer: Value = test::call_and_read_body_json(&app, request).await;
    let token = answer["access_token"].as_str().unwrap();
    let claims = verify(token, &serde_json::from_value(keys).unwrap()).unwrap();
    assert_eq!(claims["preferred_username"], "ada");
    assert_eq!(claims["groups"][0], "/demo/astronomers");
    assert_eq!(claims["azp"], "playground");
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        8 * 3600
    );
    assert_eq!(decode_header(token).unwrap().typ.as_deref(), Some("at+jwt"));
}

#[actix_web::test]
async fn another_issuers_token_does_not_verify() {
    let (ours, other) = (
        Issuer::new(URL.to_owned()).unwrap(),
        Issuer::new(URL.to_owned()).unwrap(),
    );
    let mut keys = ours.keys.clone();
    keys.keys[0].common.key_id = Some(other.key_id.clone());
    let token = other.mint(&ADA, LIFETIME).unwrap();
    assert!(verify(&token, &keys).is_err());
}

#[actix_web::test]
async fn an_unknown_user_gets_no_token() {
    let form = [("grant_type", "password"), ("username", "mallory")];
    let (status, answer) = ask(test::TestRequest::post().uri("/token").set_form(form)).await;
    assert_eq!((status, &answer["error"]), (400, &"invalid_grant".into()));
}

#[actix_web::test]
async fn another_grant_gets_no_token() {
    let form = [("grant_type", "authorization_code"), ("username", "ada")];
    let (status, answer) = ask(test::TestRequest::post().uri("/token").set_form(form)).await;
    assert_eq!((status, &answer["error"]), (400, &"unsupported_grant_type".into()));
}

#[actix_web::test]
async fn a_lifetime_can_be_shorter_but_not_longer() {
    for (asked, granted) in [("5", 5), ("99999999", 8 * 3600)] {
        let form = [("grant_type", "password"), ("username", "grace"), ("lifetime", asked)];
        let (_, answer) = ask(test::TestRequest::post().uri("/token").set_form(form)).await;
        assert_eq!(answer["expires_in"], granted);
    }
}

#[actix_web::test]
async fn the_printed_address_leads_to_discovery() {
    let issuer = web::Data::new(Issuer::new(URL.to_owned()).unwrap());
    let app = test::init_service(App::new().app_data(issuer).configure(configure)).await;
    let response = test::call_service(&app, test::TestRequest::get().uri("/").to_request()).await;
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers().get(LOCATION).unwrap(), DISCOVERY);
}

#[actix_web::test]
async fn discovery_names_itself_and_its_own_addresses() {
    let (_, answer) = ask(test::TestRequest::get().uri("/.well-known/openid-configuration")).await;
    assert_eq!(answer["issuer"], URL);
    for key in ["jwks_uri", "token_endpoint", "authorization_endpoint"] {
        assert!(answer[key].as_str().unwrap().starts_with(URL), "{key}");
    }
}

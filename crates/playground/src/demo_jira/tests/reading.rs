use super::*;

const ISSUE: &str = "/rest/api/2/issue/DM-42";

#[actix_web::test]
async fn a_wrong_password_is_401_with_jiras_reason() {
    let request = test::TestRequest::get()
        .uri(ISSUE)
        .insert_header(("authorization", basic("demo-bot:guess")));
    let answer = ask(&demo_jira(), request).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.headers.get("x-seraph-loginreason").unwrap(),
        "AUTHENTICATED_FAILED"
    );
}

#[actix_web::test]
async fn nobody_in_particular_is_401_as_anonymous() {
    let answer = ask(&demo_jira(), test::TestRequest::get().uri(ISSUE)).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.headers.get("x-ausername").unwrap(), "anonymous");
}

#[actix_web::test]
async fn a_platform_token_is_worth_nothing_here() {
    let request = test::TestRequest::get()
        .uri(ISSUE)
        .insert_header(("authorization", "Bearer eyJhbGciOi"));
    assert_eq!(ask(&demo_jira(), request).await.status, 401);
}

#[actix_web::test]
async fn the_bot_is_named_in_the_answer() {
    let answer = get(ISSUE).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers.get("x-ausername").unwrap(), "demo-bot");
    assert!(answer.headers.contains_key("set-cookie"));
}

#[actix_web::test]
async fn an_issue_links_to_the_simulator() {
    let issue = get(ISSUE).await.json();
    assert_eq!(
        issue["self"],
        format!("{BASE}/rest/api/2/issue/{}", issue["id"].as_str().unwrap())
    );
    let content = issue["fields"]["attachment"][0]["content"].as_str().unwrap();
    assert_eq!(content, format!("{BASE}/secure/attachment/20061/star-field.png"));
    assert!(issue.get("changelog").is_none());
}

#[actix_web::test]
async fn the_changelog_comes_when_asked_for_and_ends_in_the_status() {
    let issue = get(&format!("{ISSUE}?expand=names,changelog&fields=status"))
        .await
        .json();
    let histories = issue["changelog"]["histories"].as_array().unwrap();
    assert_eq!(
        histories.last().unwrap()["items"][0]["toString"],
        issue["fields"]["status"]["name"]
    );
    assert_eq!(issue["fields"].as_object().unwrap().len(), 1);
}

#[actix_web::test]
async fn version_3_writes_texts_as_documents() {
    let issue = get("/rest/api/3/issue/DM-42?fields=description").await.json();
    assert_eq!(issue["fields"]["description"]["type"], "doc");
}

#[actix_web::test]
async fn an_attachment_is_a_whole_picture() {
    let answer = get("/secure/attachment/20061/star-field.png").await;
    assert_eq!(answer.headers.get("content-type").unwrap(), "image/png");
    assert_eq!(
        answer.headers.get("content-disposition").unwrap(),
        "attachment; filename*=UTF-8''star-field.png"
    );
    assert_eq!(answer.body, files::PICTURE);
    assert!(answer.body.starts_with(b"\x89PNG"));
    assert_eq!(get("/secure/attachment/1/star-field.png").await.status, 404);
}

#[actix_web::test]
async fn the_other_routes_answer() {
    for version in ["2", "3", "latest"] {
        let info = get(&format!("/rest/api/{version}/serverInfo")).await.json();
        assert_eq!(info["baseUrl"], BASE);
    }
    assert!(
        get("/rest/api/2/field")
            .await
            .json()
            .as_array()
            .unwrap()
            .iter()
            .any(|field| field["id"] == TIME_LOST)
    );
    assert_eq!(get("/rest/api/2/project").await.json()[1]["key"], "OBS");
    assert_eq!(
        get("/rest/api/2/user?username=ada").await.json()["displayName"],
        "Ada Lovelace"
    );
    let comments = get("/rest/api/2/issue/DM-42/comment").await.json();
    assert_eq!(
        comments,
        get(ISSUE).await.json()["fields"]["comment"],
        "as in the issue itself"
    );
    assert!(comments["total"].as_u64().unwrap() > 0);
    assert_eq!(
        get("/rest/agile/1.0/board").await.json()["values"][0]["name"],
        "Data Management"
    );
    for absent in [
        "/rest/api/2/issue/DM-999",
        "/rest/api/2/issue/DM-999/comment",
        "/rest/api/2/status/4",
    ] {
        let answer = get(absent).await;
        assert_eq!(answer.status, 404, "{absent}");
        assert!(answer.json()["errorMessages"][0].is_string(), "{absent}");
    }
    assert_eq!(get("/rest/api/2/demo/error").await.status, 500);
    assert_eq!(get("/nowhere").await.status, 404);
}

#[actix_web::test]
async fn what_came_in_is_told_without_secrets() {
    let jira = demo_jira();
    let bot = ("authorization", basic("demo-bot:open sesame"));
    let write = test::TestRequest::post().uri("/rest/api/2/issue").insert_header(bot);
    assert_eq!(ask(&jira, write).await.status, 201);
    // There is no such route here, but who sends this wants to write.
    let bot = ("authorization", basic("demo-bot:open sesame"));
    let write = test::TestRequest::delete().uri(ISSUE).insert_header(bot);
    assert_eq!(ask(&jira, write).await.status, 404);
    let bot = ("authorization", basic("demo-bot:open sesame"));
    let search = test::TestRequest::post().uri("/rest/api/2/search").insert_header(bot);
    assert_eq!(ask(&jira, search.set_json(json!({}))).await.status, 200);
    let stray = test::TestRequest::get()
        .uri(ISSUE)
        .insert_header(("authorization", "Bearer secret-token"));
    ask(&jira, stray).await;
    let answer = ask(&jira, test::TestRequest::get().uri("/demo/seen")).await;
    let seen = answer.json();
    assert_eq!((seen["requests"].as_u64(), seen["writes"].as_u64()), (Some(4), Some(2)));
    assert_eq!(seen["last"][0]["authorization"], "Bearer");
    assert_eq!(seen["last"][1]["authorization"], "Basic of demo-bot");
    let text = String::from_utf8(answer.body).unwrap();
    assert!(!text.contains("secret-token") && !text.contains("sesame"));
}

#[actix_web::test]
async fn the_broken_route_promises_more_than_it_sends() {
    let answer = raw("/rest/api/2/demo/broken").await.to_lowercase();
    assert!(answer.contains("content-length: 1000\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"issues\":[{\"key\":\"dm-1\","), "{answer}");
}

#[actix_web::test]
async fn the_slow_route_comes_in_ten_pieces_to_a_proper_end() {
    let answer = raw("/rest/api/2/demo/slow").await;
    assert_eq!(answer.matches("{\"piece\":").count(), 10);
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "{answer}");
}

//! L12: eight known providers by `preset`, issuer and client alone: sign in, groups to a policy, refresh, sign out.

use ostia_testkit::{Dialect, DialectProvider, Scene};

use crate::life::Life;

/// The whole life of a session at a provider that is known by nothing but its preset, its issuer and our client there.
/// How it ends at the provider stands in the calls that the provider saw.
async fn whole_life(dialect: Dialect) -> Life {
    // Auth0 has no name for groups of its own: everybody chooses a URL. Google says which organisation it is.
    let staff = match dialect {
        Dialect::Auth0 => "\"https://app.example.com/roles\": [staff]",
        Dialect::Google => "hd: [example.com]",
        _ => "groups: [staff]",
    };
    let mut more: Vec<String> = Vec::new();
    if dialect == Dialect::Entra {
        more.push("allowed_tenants: [11111111-2222-3333-4444-555555555555]".to_owned());
    }
    let life = Life::begin(DialectProvider::start(dialect).await, staff, &more).await;
    life.refreshes_soon();
    life.signs_in().await;

    // What changes at the provider is known here after a refresh, and so again after the next.
    life.provider.set(leave);
    life.until(403).await;
    life.provider.set(join);
    life.until(200).await;
    assert!(life.provider.token_calls("refresh_token") >= 2, "{dialect:?}");
    assert_eq!(life.provider.token_calls("authorization_code"), 1, "{dialect:?}");
    life.signs_out().await;
    life
}

fn leave(scene: &mut Scene) {
    (scene.groups, scene.organisation) = (vec!["visitors".to_owned()], "other.example".to_owned());
}

fn join(scene: &mut Scene) {
    (scene.groups, scene.organisation) = (vec!["staff".to_owned()], "example.com".to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn okta_signs_in_refreshes_and_signs_out_by_its_preset() {
    let life = whole_life(Dialect::Okta).await;
    life.was_left_by(&["client_id", "id_token_hint", "post_logout_redirect_uri", "state"]);
    life.gave_tokens_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn google_signs_in_refreshes_and_signs_out_by_its_preset() {
    let life = whole_life(Dialect::Google).await;
    assert!(life.provider.calls("logout").is_empty(), "there is no such endpoint");
    life.gave_tokens_back().await;
    assert!(life.provider.calls("directory").is_empty(), "nobody asked for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn cognito_signs_in_refreshes_and_signs_out_by_its_preset() {
    let life = whole_life(Dialect::Cognito).await;
    life.was_left_by(&["client_id", "logout_uri"]);
    life.gave_tokens_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entra_signs_in_refreshes_and_signs_out_by_its_preset() {
    let life = whole_life(Dialect::Entra).await;
    life.was_left_by(&["client_id", "id_token_hint", "post_logout_redirect_uri", "state"]);
    assert!(life.provider.calls("directory").is_empty(), "the token had all groups");
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_signs_in_refreshes_and_signs_out_by_its_preset() {
    let life = whole_life(Dialect::Keycloak).await;
    life.was_left_by(&["client_id", "id_token_hint", "post_logout_redirect_uri", "state"]);
    life.gave_tokens_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auth0_signs_in_refreshes_and_signs_out_by_its_preset() {
    let life = whole_life(Dialect::Auth0).await;
    life.was_left_by(&["client_id", "returnTo"]);
    life.gave_tokens_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auth0_tenant_that_advertises_it_is_left_by_the_standard() {
    let provider = DialectProvider::start(Dialect::Auth0).await;
    provider.set(|scene| scene.advertises_logout = true);
    let life = Life::begin(provider, "\"https://app.example.com/roles\": [staff]", &[]).await;
    life.signs_in().await;
    life.signs_out().await;
    life.was_left_by(&["client_id", "id_token_hint", "post_logout_redirect_uri", "state"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_signs_in_refreshes_and_signs_out_by_its_preset() {
    let life = whole_life(Dialect::Gitlab).await;
    assert!(life.provider.calls("logout").is_empty(), "there is no such endpoint");
    life.gave_tokens_back().await;
    assert!(life.provider.calls("userinfo").len() >= 3, "asked at the login and at each refresh");
}

#[tokio::test(flavor = "multi_thread")]
async fn dex_signs_in_refreshes_and_signs_out_by_its_preset() {
    let life = whole_life(Dialect::Dex).await;
    assert!(life.provider.calls("logout").is_empty(), "there is no such endpoint");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_a_foreign_tenant_is_told_so_and_gets_no_session() {
    let provider = DialectProvider::start(Dialect::Entra).await;
    provider.set(|scene| scene.tenant = "aaaaaaaa-2222-3333-4444-555555555555".to_owned());
    let tenants = "allowed_tenants: [11111111-2222-3333-4444-555555555555]".to_owned();
    let life = Life::begin(provider, "groups: [staff]", &[tenants]).await;
    let page = life.visit().await;
    assert_eq!(page.status, 403, "{}", page.text());
    assert!(page.text().contains("tenant_not_allowed"), "{}", page.text());
    assert_eq!(life.status().await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truth_value_that_cognito_writes_as_text_is_a_truth_value_to_policies() {
    let life = Life::begin(DialectProvider::start(Dialect::Cognito).await, "groups: [staff]", &[]).await;
    life.signs_in().await;
    assert_eq!(life.status_of("/verified/x").await, 200);
}

/// 260 groups of which one counts: Entra leaves them out of the token.
fn overage(scene: &mut Scene) {
    scene.groups = (0..260).map(|number| format!("group-{number}")).collect();
    scene.groups.push("staff".to_owned());
}

async fn at_graph() -> Life {
    let provider = DialectProvider::start(Dialect::Entra).await;
    provider.set(overage);
    let graph = provider.address_of("https://graph.microsoft.com/v1.0");
    let more = [
        "allowed_tenants: [11111111-2222-3333-4444-555555555555]".to_owned(),
        format!("microsoft_graph: {{ url: \"{graph}\", cache: 0s }}"),
    ];
    Life::begin(provider, "groups: [staff]", &more).await
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_are_too_many_for_a_token_of_entra_come_from_graph() {
    let life = at_graph().await;
    life.refreshes_soon();
    life.signs_in().await;
    assert_eq!(life.provider.calls("directory").len(), 3, "three pages");
    // At a refresh they are asked for again; while Graph does not answer, what was known stays.
    life.provider.set(|scene| scene.directory_status = Some(503));
    life.has_refreshed().await;
    assert_eq!(life.status().await, 200);
    life.provider.set(|scene| (scene.directory_status, scene.groups) = (None, scene.groups[..250].to_vec()));
    life.until(403).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_in_while_the_groups_cannot_be_learned() {
    let life = at_graph().await;
    for (status, reason, answered) in [(403, "directory_forbidden", 500), (503, "directory_no_answer", 502)] {
        life.provider.set(|scene| scene.directory_status = Some(status));
        let page = life.visit().await;
        assert_eq!(page.status, answered, "{}", page.text());
        assert!(page.text().contains(reason), "{}", page.text());
        assert_eq!(life.status().await, 401);
    }
    life.provider.set(|scene| scene.directory_status = None);
    life.signs_in().await;
}

async fn at_the_google_directory(folder: &std::path::Path) -> Life {
    let provider = DialectProvider::start(Dialect::Google).await;
    let file = folder.join("google.json");
    crate::life::write_private(&file, &provider.service_account_file());
    let directory = provider.address_of("https://admin.googleapis.com/admin/directory/v1");
    let more = [
        "claims_from: [id_token, google_directory]".to_owned(),
        format!(
            "google_directory: {{ service_account_file: \"{}\", admin: directory-reader@example.com, url: \"{directory}\", cache: 1s }}",
            file.display()
        ),
    ];
    provider.set(|scene| {
        scene.groups = (0..150).map(|number| format!("Group-{number}@example.com")).collect();
        scene.groups.push("Staff@example.com".to_owned());
    });
    Life::begin(provider, "groups: [staff@example.com]", &more).await
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_google_workspace_come_from_its_directory() {
    let folder = tempfile::tempdir().unwrap();
    let life = at_the_google_directory(folder.path()).await;
    life.refreshes_soon();
    life.signs_in().await;
    assert_eq!(life.provider.calls("directory").len(), 2, "two pages");
    life.provider.set(|scene| scene.groups.truncate(150));
    life.until(403).await;
    let service_tokens = life.provider.token_calls("urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(service_tokens, 1, "the account's token serves as long as it lasts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_google_account_has_no_groups_and_nobody_asks_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let life = at_the_google_directory(folder.path()).await;
    life.provider.set(|scene| scene.organisation.clear());
    let page = life.visit().await;
    assert_eq!(page.status, 403, "signed in, and no member of the staff: {}", page.text());
    assert!(life.provider.calls("directory").is_empty());
}

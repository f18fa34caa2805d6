//! A machine with a token of its own.

use super::visit::{Reason, Visit, caller, expect, expect_status};
use crate::demo;

pub(super) async fn machine_is_served(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let provider = visit.check.provider;
    let fetched = demo::token(provider.issuer()).await;
    let token = fetched.map_err(|problem| Reason::Unexpected(problem.to_string()))?;
    let mut machine = visit.stranger();
    let fields = [("Authorization", format!("Bearer {token}"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let echo = visit.echo(&mut machine, "/api/orders?open=1", &fields).await?;
    let user = caller(&echo, "user");
    expect(user == Some("demo-machine"), || format!("X-Forwarded-User is {user:?}"))?;
    wrong_tokens_are_refused(visit).await?;
    Ok("200; other audience, scope, kind refused".to_owned())
}

async fn wrong_tokens_are_refused(visit: &Visit<'_>) -> Result<(), Reason> {
    let provider = visit.check.provider;
    let good = provider.access_token("demo-machine", "orders.read");
    let elsewhere =
        crate::provider::AccessToken { audience: "https://other.example".to_owned(), ..good.clone() };
    let narrow = crate::provider::AccessToken { scope: "orders.list".to_owned(), ..good.clone() };
    let old = crate::provider::AccessToken {
        claims: serde_json::Map::from_iter([("exp".to_owned(), 1_700_000_000.into())]),
        ..good.clone()
    };
    let tampered = format!("{}A", provider.mint_access_token(&good));
    let cases = [
        ("a token for another audience", provider.mint_access_token(&elsewhere), 401),
        ("an expired token", provider.mint_access_token(&old), 401),
        ("an ID token", provider.mint_id_token(&visit.check.client_id, "ana"), 401),
        ("a tampered token", tampered, 401),
        ("a token without the scope", provider.mint_access_token(&narrow), 403),
    ];
    for (what, token, status) in cases {
        let request = visit.script("/api", &[("Authorization", &format!("Bearer {token}"))])?;
        let answer = visit.stranger().send(request).await?;
        expect_status(what, &answer, status)?;
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let error = if status == 401 { "invalid_token" } else { "insufficient_scope" };
        expect(challenge.contains(error), || format!("{what}: WWW-Authenticate is {challenge:?}"))?;
    }
    let answer = visit.ana.clone().send(visit.script("/api", &[])?).await?;
    expect_status("a session where only tokens count", &answer, 401)
}

//! Who issues the tokens of a provider: the issuer, its other spellings, its tenants.

use crate::codes;
use crate::fields::Fields;
use crate::findings::Finding;
use crate::scalar::{AnyUrl, TenantId, is_loopback};

/// What stands for the tenant in metadata and issuers of Microsoft.
const TENANT_PLACE: &str = "{tenantid}";
/// In the place of one tenant: those of several.
const OF_SEVERAL: [&str; 3] = ["organizations", "common", "consumers"];

/// Kept as written: OpenID Connect compares it byte for byte, so nothing is tidied up.
pub(super) fn issuer(fields: &Fields<'_>) -> String {
    let Some(AnyUrl(url)) = fields.optional("issuer") else { return String::new() };
    let wrong = if url.scheme() != "https" && !is_loopback(&url) {
        Some(("is plain `http`", "`https://`; plain `http` is for a loopback address only"))
    } else if url.query().is_some() || url.fragment().is_some() {
        Some(("has a query or a fragment", "an issuer has neither (OpenID Connect Discovery section 3)"))
    } else {
        None
    };
    if let Some((reason, help)) = wrong {
        tell(fields, "issuer", codes::ISSUER, reason, help);
    }
    fields.get("issuer")
}

/// `issuer_aliases`.
pub(super) fn aliases(fields: &Fields<'_>) -> Vec<String> {
    let aliases: Vec<String> = fields.optional("issuer_aliases").unwrap_or_default();
    let with_place = aliases.iter().filter(|alias| alias.contains(TENANT_PLACE)).count();
    if fields.has("allowed_tenants") && with_place < aliases.len() {
        let help = "as in `https://sts.windows.net/{tenantid}/`: it stands for one of `allowed_tenants`";
        tell(fields, "issuer_aliases", codes::TENANTS, "names no tenant", help);
    } else if !fields.has("allowed_tenants") && with_place > 0 {
        let help = "`{tenantid}` stands for one of `allowed_tenants`: add it, or write the tenant";
        tell(fields, "issuer_aliases", codes::TENANTS, "has `{tenantid}`", help);
    }
    aliases
}

/// `allowed_tenants`.
pub(super) fn tenants(fields: &Fields<'_>, issuer: &str) -> Vec<String> {
    let tenants: Vec<TenantId> = fields.optional("allowed_tenants").unwrap_or_default();
    if !fields.cx.findings.spoils(&fields.sub("issuer")) && !fields.is_meant("issuer") {
        check_form(fields, template(issuer).is_some());
    }
    tenants.into_iter().map(|TenantId(tenant)| tenant).collect()
}

fn check_form(fields: &Fields<'_>, of_several: bool) {
    match (of_several, fields.has("allowed_tenants")) {
        (true, false) if !fields.is_meant("allowed_tenants") => tell(
            fields,
            "issuer",
            codes::TENANTS,
            "is for several tenants",
            "add `allowed_tenants: [GUID]`, or write the tenant's GUID into the issuer",
        ),
        (false, true) => tell(
            fields,
            "allowed_tenants",
            codes::TENANTS,
            "is for an issuer of several tenants",
            "with `issuer: https://login.microsoftonline.com/organizations/v2.0`",
        ),
        _ => {}
    }
}

/// The issuer of one tenant with [`TENANT_PLACE`] for it, as the metadata of an issuer of several say it.
pub(crate) fn template(issuer: &str) -> Option<String> {
    let before = issuer.strip_suffix("/v2.0")?;
    let word = OF_SEVERAL.iter().find(|word| before.ends_with(&format!("/{word}")))?;
    let host = before.strip_suffix(word)?;
    Some(format!("{host}{TENANT_PLACE}/v2.0"))
}

fn tell(fields: &Fields<'_>, key: &str, code: &'static str, reason: &str, help: &str) {
    let message = format!("`{}` {reason}", fields.sub(key));
    let finding = Finding::new(code, fields.value_span(key), fields.sub(key), message);
    fields.cx.findings.add(finding.help(help));
}

#[cfg(test)]
mod tests {
    use super::template;

    #[test]
    fn only_the_words_of_several_tenants_make_a_template() {
        for (issuer, expected) in [
            ("https://m.example/organizations/v2.0", Some("https://m.example/{tenantid}/v2.0")),
            ("https://m.example/x/common/v2.0", Some("https://m.example/x/{tenantid}/v2.0")),
            ("https://m.example/consumers/v2.0", Some("https://m.example/{tenantid}/v2.0")),
            ("https://m.example/realms/common", None),
            ("https://m.example/uncommon/v2.0", None),
            ("https://m.example/0b1b2a3c/v2.0", None),
            ("https://m.example/organizations/v2.0/", None),
        ] {
            assert_eq!(template(issuer).as_deref(), expected, "{issuer}");
        }
    }
}

//! Where the issuer sends people back: one path for all providers, or one for each.

use crate::Name;
use crate::codes;
use crate::describe::Words;
use crate::fields::Fields;
use crate::findings::Finding;
use crate::provider::CALLBACK_PATH;

pub(super) static WORDS: Words = Words { now: &["shared", "own"], later: &[] };

/// The path of this provider's callback on every host.
pub(super) fn path(fields: &Fields<'_>, provider: &Name) -> String {
    if fields.word("callback") != "own" {
        return CALLBACK_PATH.to_owned();
    }
    if provider.chars().all(|character| character == '.') {
        let message = format!("`{}` cannot be a part of a path", provider.as_str());
        let finding =
            Finding::new(codes::BAD_NAME, fields.value_span("callback"), fields.sub("callback"), message);
        fields.cx.findings.add(finding.help("give the provider another name"));
    }
    format!("{CALLBACK_PATH}/{}", provider.as_str())
}

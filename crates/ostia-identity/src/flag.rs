//! Truth values that some issuers write as text.

use serde_json::Value;

use crate::Claims;

/// Booleans by OpenID Connect Core section 5.1.
const FLAGS: [&str; 2] = ["email_verified", "phone_number_verified"];

impl Claims {
    /// Makes `"true"` and `"false"` of the standard's boolean claims what they should be (Cognito writes them as text),
    /// so that a rule about `email_verified` means the same for every issuer. Anything else stays as it came.
    pub fn straighten_flags(&mut self) {
        for name in FLAGS {
            let truth = match self.string(name) {
                Some("true") => true,
                Some("false") => false,
                _ => continue,
            };
            self.set(name, Value::Bool(truth));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_words_true_and_false_become_truth_values() {
        for (written, read) in [
            (json!("true"), json!(true)),
            (json!("false"), json!(false)),
            (json!(true), json!(true)),
            (json!("True"), json!("True")),
            (json!("1"), json!("1")),
            (json!(1), json!(1)),
            (json!(["true"]), json!(["true"])),
        ] {
            let mut claims = Claims::default();
            claims.set("email_verified", written.clone());
            claims.set("custom:vip", written.clone());
            claims.straighten_flags();
            assert_eq!(claims.to_map()["email_verified"], read, "{written}");
            assert_eq!(claims.to_map()["custom:vip"], written);
        }
    }
}

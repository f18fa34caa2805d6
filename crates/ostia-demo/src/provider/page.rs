//! The provider's pages for people: plain HTML, no script.

use std::fmt::Write;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::html::{self, Escaped};

/// One page.
pub(super) struct Page {
    status: StatusCode,
    title: &'static str,
    body: String,
    /// Where a form of this page may end up besides the provider itself: browsers check `form-action` on the
    /// redirects after a form, too.
    form_target: Option<String>,
}

impl Page {
    /// The form that asks who is there.
    pub(super) fn sign_in(form: &SignInForm<'_>) -> Self {
        let mut body = format!(
            "<p class=\"who\">Demo OpenID provider</p>\n<h1>Sign in</h1>\n\
             <p class=\"soft\">to go on to <strong>{}</strong></p>\n",
            Escaped(form.client_id)
        );
        if let Some(problem) = form.problem {
            _ = writeln!(body, "<p class=\"alert\" role=\"alert\" id=\"problem\">{}</p>", Escaped(problem));
        }
        let describes =
            if form.problem.is_some() { " aria-invalid=\"true\" aria-describedby=\"problem\"" } else { "" };
        _ = write!(
            body,
            "<form method=\"post\" action=\"{action}\">\n{hidden}\
             <label for=\"username\">Name</label>\n\
             <input id=\"username\" name=\"username\" value=\"{username}\" autocomplete=\"username\" \
             autocapitalize=\"none\" spellcheck=\"false\" required autofocus{describes}>\n\
             <label for=\"password\">Password</label>\n\
             <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" \
             required{describes}>\n\
             <button type=\"submit\">Sign in</button>\n</form>",
            action = Escaped(form.action),
            username = Escaped(form.username),
            hidden = hidden(&[("request", form.request), ("form_token", form.form_token)]),
        );
        let mut body = card(&body);
        body.push_str(form.people);
        Self { status: StatusCode::OK, title: "Sign in", body, form_target: origin(form.redirect_uri) }
            .with_problem(form.problem.is_some())
    }

    /// The question before a sign-out that nobody can vouch for.
    pub(super) fn confirm_sign_out(
        action: &str,
        username: &str,
        fields: &[(&str, &str)],
        return_to: Option<&str>,
    ) -> Self {
        let body = card(&format!(
            "<p class=\"who\">Demo OpenID provider</p>\n<h1>Sign out?</h1>\n\
             <p>You are signed in as <strong>{}</strong>.</p>\n\
             <form method=\"post\" action=\"{}\">\n{}<button type=\"submit\">Sign out</button>\n</form>",
            Escaped(username),
            Escaped(action),
            hidden(fields),
        ));
        Self { status: StatusCode::OK, title: "Sign out?", body, form_target: return_to.and_then(origin) }
    }

    /// Something to tell, with nothing to do.
    pub(super) fn notice(title: &'static str, text: &str) -> Self {
        let text = Escaped(text);
        let body =
            card(&format!("<p class=\"who\">Demo OpenID provider</p>\n<h1>{title}</h1>\n<p>{text}</p>"));
        Self { status: StatusCode::OK, title, body, form_target: None }
    }

    /// A request that cannot be answered by a redirect, because where to is not certain.
    pub(super) fn refused(text: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, ..Self::notice("This request cannot be served", text) }
    }

    /// A page whose body is HTML already.
    pub(super) fn html(title: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, title, body, form_target: None }
    }

    fn with_problem(mut self, has_problem: bool) -> Self {
        if has_problem {
            self.status = StatusCode::BAD_REQUEST;
        }
        self
    }
}

/// What the sign-in form shows and carries.
pub(super) struct SignInForm<'a> {
    pub(super) action: &'a str,
    pub(super) client_id: &'a str,
    pub(super) redirect_uri: &'a str,
    /// The authorization request, as a query.
    pub(super) request: &'a str,
    pub(super) form_token: &'a str,
    pub(super) username: &'a str,
    pub(super) problem: Option<&'a str>,
    /// HTML that tells who can sign in.
    pub(super) people: &'a str,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let policy = format!(
            "default-src 'none'; style-src {}; form-action 'self'{}{}; frame-ancestors 'none'; base-uri 'none'",
            *html::STYLE_HASH,
            if self.form_target.is_some() { " " } else { "" },
            self.form_target.as_deref().unwrap_or_default(),
        );
        // The origin is ASCII without separators; should it ever not be, nothing at all may be submitted.
        let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        let fields = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        ];
        (self.status, fields, html::document(self.title, "", &self.body)).into_response()
    }
}

pub(super) fn card(body: &str) -> String {
    format!("<div class=\"card\">\n{body}\n</div>\n")
}

fn hidden(fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">\n", Escaped(name), Escaped(value))
    };
    fields.iter().map(field).collect()
}

/// `scheme://host:port` of a registered address.
fn origin(uri: &str) -> Option<String> {
    Some(Url::parse(uri).ok()?.origin().ascii_serialization())
}

/// A table of the people who may sign in, passwords included: this is a demo.
pub(super) fn people<'a>(people: impl Iterator<Item = &'a super::Person>) -> String {
    let rows: String = people
        .map(|person| {
            let groups = person.claims.get("groups").and_then(|groups| groups.as_array());
            let groups: Vec<&str> = groups.into_iter().flatten().filter_map(|group| group.as_str()).collect();
            format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                Escaped(&person.username),
                Escaped(&person.password),
                Escaped(&groups.join(", "))
            )
        })
        .collect();
    card(&format!(
        "<table>\n<caption>Who lives here (this is a demo)</caption>\n<thead><tr><th scope=\"col\">Name</th>\
         <th scope=\"col\">Password</th><th scope=\"col\">Groups</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"
    ))
}

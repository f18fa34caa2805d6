//! The request as a page: who came, which server answered, every field as it arrived.

use std::sync::LazyLock;

use super::answer::Answer;
use super::echo;
use super::received::Received;
use crate::html::{self, Escaped};

/// What the two buttons do; everything else works without it.
const SCRIPT: &str = include_str!("page.js");

static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
        *html::STYLE_HASH,
        html::hash(SCRIPT)
    )
});

pub(super) fn page(server: &str, served: usize, request: &Received) -> Answer {
    let body = [greeting(server, served, request), places(), experiments(request), table(request)].concat();
    let title = format!("{} – demo application", request.path());
    Answer::new(200, "text/html; charset=utf-8", html::document(&title, "wide", &body))
        .with("Content-Security-Policy", POLICY.as_str())
        .with("X-Content-Type-Options", "nosniff")
        .with("Referrer-Policy", "same-origin")
}

fn greeting(server: &str, served: usize, request: &Received) -> String {
    let who = match request.header("x-forwarded-user") {
        Some(user) => format!("You are {}", Escaped(user)),
        None => "Welcome, whoever you are".to_owned(),
    };
    let mut facts = Vec::new();
    for (label, name) in [("", "x-forwarded-email"), ("groups: ", "x-forwarded-groups")] {
        if let Some(value) = request.header(name) {
            facts.push(format!("{label}{}", Escaped(value)));
        }
    }
    let facts = if facts.is_empty() {
        "Nobody told this application who you are.".to_owned()
    } else {
        facts.join(" · ")
    };
    format!(
        "<div class=\"card\">\n<p class=\"who\">Demo application behind Ostia</p>\n<h1>{who}</h1>\n<p>{facts}</p>\n\
         <p class=\"soft\">Answered by <strong>{}</strong>, its request number {served}. A session stays on one \
         server as long as that server is well.</p>\n</div>\n",
        Escaped(server)
    )
}

fn places() -> String {
    "<div class=\"card\">\n<h2>Places</h2>\n<div class=\"row\">\n\
     <a class=\"button quiet\" href=\"/\">/ &nbsp;staff</a>\n\
     <a class=\"button quiet\" href=\"/finance/\">/finance/ &nbsp;finance only</a>\n\
     <a class=\"button quiet\" href=\"/public/\">/public/ &nbsp;anyone</a>\n\
     <form method=\"post\" action=\"/.ostia/logout\"><button type=\"submit\">Sign out</button></form>\n\
     </div>\n</div>\n"
        .to_owned()
}

fn experiments(request: &Received) -> String {
    let forged: String = echo::forged(request)
        .map(|(name, value, arrived)| {
            let (class, verdict) = if arrived { ("tag bad", "it arrived!") } else { ("tag", "removed") };
            format!(
                "<p>A client sent <code>{}: {}</code> <span class=\"{class}\">{verdict}</span></p>\n",
                Escaped(name),
                Escaped(value)
            )
        })
        .collect();
    format!(
        "<div class=\"card\">\n<h2>Experiments</h2>\n{forged}<div class=\"row\">\n\
         <button class=\"quiet\" type=\"button\" id=\"forge\">Send forged X-Forwarded-* fields</button>\n\
         <button class=\"quiet\" type=\"button\" id=\"socket\">Open a WebSocket</button>\n\
         <form method=\"post\" action=\"/unwell\"><button class=\"quiet\" type=\"submit\">\
         Make this server unwell for 15 s</button></form>\n</div>\n\
         <pre id=\"out\" role=\"status\" tabindex=\"0\" aria-label=\"Result of the experiment\" hidden></pre>\n\
         <script>{SCRIPT}</script>\n</div>\n"
    )
}

fn table(request: &Received) -> String {
    let rows: String = request
        .headers
        .iter()
        .map(|(name, value)| match told_by_ostia(name) {
            Some(source) => format!(
                "<tr class=\"told\"><th scope=\"row\">{}</th><td>{}</td><td><span class=\"tag\">{source}</span></td></tr>\n",
                Escaped(name),
                Escaped(value)
            ),
            None => format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td></td></tr>\n",
                Escaped(name),
                Escaped(value)
            ),
        })
        .collect();
    format!(
        "<div class=\"card scroll\" role=\"region\" aria-labelledby=\"received\" tabindex=\"0\">\n\
         <h2 id=\"received\">What this application received</h2>\n\
         <table>\n<caption><code>{} {} {}</code></caption>\n<thead><tr><th scope=\"col\">Field</th>\
         <th scope=\"col\">Value</th><th scope=\"col\">Written by</th></tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table>\n</div>\n",
        Escaped(&request.method),
        Escaped(&request.target),
        Escaped(&request.version),
    )
}

/// The fields that a client cannot write, and where their values come from.
fn told_by_ostia(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "x-forwarded-user" => "Ostia · claim sub",
        "x-forwarded-email" => "Ostia · claim email",
        "x-forwarded-groups" => "Ostia · claim groups",
        "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto" | "x-forwarded-port" | "forwarded"
        | "x-real-ip" | "x-request-id" | "via" => "Ostia",
        _ => return None,
    })
}

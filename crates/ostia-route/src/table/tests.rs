mod reference;

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Version};
use ostia_config::route::{Allow, Credentials};
use ostia_request::{Head, Limits, examine};
use proptest::prelude::*;

use super::*;

/// A route that any identity may use, from `host/path`.
pub(crate) fn route(name: &str, place: &str) -> Route {
    let at = place.find('/').expect("a path");
    let host = match &place[..at] {
        "" => HostPattern::Any,
        host => match host.strip_prefix("*.") {
            Some(suffix) => HostPattern::Wildcard(suffix.into()),
            None => HostPattern::Exact(host.into()),
        },
    };
    Route {
        path: place[at..].into(),
        providers: vec!["default".into()],
        credentials: Credentials { session: true, bearer: true },
        allow: Allow::Authenticated,
        upstream: "upstream".into(),
        ..Route::named(name.into(), host)
    }
}

fn open(name: &str, place: &str) -> Route {
    Route { allow: Allow::Anyone, ..route(name, place) }
}

fn admin(name: &str, place: &str) -> Route {
    Route { allow: Allow::Policies(vec!["admin".into()]), ..route(name, place) }
}

fn only(methods: &[Method], route: Route) -> Route {
    Route { methods: Some(methods.to_vec()), ..route }
}

fn table(routes: &[Route]) -> RouteTable {
    RouteTable::compile(routes).expect("a table")
}

/// Sends a request through the real examination; answers with the route's name or the slug of the refusal.
fn find(routes: &[Route], method: &Method, host: &str, target: &str) -> String {
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).expect("a host"))]);
    let head = Head {
        version: Version::HTTP_11,
        method,
        target: target.as_bytes(),
        authority: None,
        headers: &headers,
    };
    match examine(&head, &Limits::default()) {
        Ok(examined) => match table(routes).find(&examined, method) {
            Ok(RouteIndex(index)) => routes[index].name.to_string(),
            Err(refused) => refused.slug().to_owned(),
        },
        Err(refused) => refused.slug().to_owned(),
    }
}

#[test]
fn routes_between_which_nobody_could_choose_are_refused() {
    use TableRefused::{Ambiguous, Host, LetterCase, Path};
    let pair = |first: &str, second: &str| (Name::from(first), Name::from(second));
    let ((first, second), get) = (pair("a", "b"), &[Method::GET][..]);
    let ambiguous = Ambiguous { first: first.clone(), second: second.clone() };
    let letter_case = LetterCase { first, second };
    let path = Path { route: "a".into() };
    for (routes, reason) in [
        (vec![route("a", "h/x"), admin("b", "h/x")], ambiguous.clone()),
        (vec![route("a", "/x"), route("b", "/x")], ambiguous.clone()),
        (vec![route("a", "*.h/x"), route("b", "*.h/x")], ambiguous.clone()),
        (
            vec![only(get, route("a", "h/")), only(&[Method::PUT, Method::GET], route("b", "h/"))],
            ambiguous.clone(),
        ),
        (vec![route("a", "::1/"), route("b", "[::1]/")], ambiguous),
        (vec![route("a", "h/x"), admin("b", "h/X")], letter_case),
        (vec![route("a", "h/%41")], path.clone()),
        (vec![route("a", "h//")], path.clone()),
        (vec![route("a", "h/a/../b")], path.clone()),
        (vec![route("a", "h/a;b")], path.clone()),
        (vec![route("a", "h/a b")], path.clone()),
        (vec![route("a", "h/\u{fc}")], path),
        (vec![route("a", "h:80/")], Host { route: "a".into() }),
    ] {
        assert_eq!(RouteTable::compile(&routes).map(|_| ()), Err(vec![reason]));
    }
}

#[test]
fn all_faults_of_a_table_are_told_at_once() {
    let routes = [
        route("a", "h/x"),
        route("b", "h/;"),
        route("c", "h/x"),
        route("d", "g/x"),
        route("e", "h/x"),
        route("f", "g/x"),
    ];
    let told: Vec<String> =
        RouteTable::compile(&routes).expect_err("faults").iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(told[0].contains("`b`"), "in the order of the file: {told:?}");
}

#[test]
fn routes_that_differ_in_anything_make_a_table() {
    let get = &[Method::GET][..];
    for routes in [
        vec![],
        vec![route("a", "h/x"), route("b", "h/x/"), route("c", "h/"), route("d", "g/x"), route("e", "/x")],
        vec![only(get, route("a", "h/")), only(&[Method::PUT], route("b", "h/")), route("c", "h/")],
        vec![route("a", "h/x"), route("b", "h/X")],
    ] {
        assert!(RouteTable::compile(&routes).is_ok());
    }
}

#[test]
fn the_most_specific_route_wins_whatever_the_order() {
    let mut routes = vec![
        route("any", "/"),
        route("any-health", "/health"),
        route("wild", "*.example.com/"),
        route("wilder", "*.api.example.com/"),
        route("exact", "a.example.com/x/"),
        route("exact-deep", "a.example.com/x/y/z"),
        route("v6", "[2001:db8::1]/"),
    ];
    for _ in 0..2 {
        for (host, target, expected) in [
            ("other", "/", "any"),
            ("other", "/health", "any-health"),
            ("other", "/health/live?x", "any-health"),
            ("other", "/healthy", "any"),
            ("a.example.com", "/x/", "exact"),
            ("A.EXAMPLE.com.:8443", "/x/1", "exact"),
            ("a.example.com", "/x/y/", "exact"),
            ("a.example.com", "/x/y/z", "exact-deep"),
            ("a.example.com", "/x/y/z/1", "exact-deep"),
            ("a.example.com", "/x/y/zz", "exact"),
            ("a.example.com", "/x", "wild"),
            ("a.example.com", "/health", "wild"),
            ("b.a.example.com", "/", "wild"),
            ("b.api.example.com", "/", "wilder"),
            ("c.b.api.example.com", "/", "wilder"),
            ("api.example.com", "/", "wild"),
            ("example.com", "/", "any"),
            ("notexample.com", "/", "any"),
            ("[2001:DB8::1]:80", "/", "v6"),
        ] {
            assert_eq!(find(&routes, &Method::GET, host, target), expected, "{host}{target}");
        }
        routes.reverse();
    }
}

#[test]
fn a_route_that_names_the_method_comes_before_one_that_names_none() {
    let routes = [route("all", "h/"), only(&[Method::GET, Method::HEAD], route("read", "h/"))];
    for (method, expected) in [(Method::GET, "read"), (Method::HEAD, "read"), (Method::POST, "all")] {
        assert_eq!(find(&routes, &method, "h", "/"), expected, "{method}");
    }
}

/// What Apache's `<Limit GET>` got wrong for decades.
#[test]
fn a_method_that_a_path_does_not_serve_never_falls_to_a_shorter_path() {
    let routes = [
        route("root", "h/"),
        only(&[Method::PUT], admin("write", "h/finance/")),
        only(&[Method::GET], admin("read", "h/finance/")),
    ];
    assert_eq!(find(&routes, &Method::POST, "h", "/finance/x"), "method_not_allowed");
    assert_eq!(find(&routes, &Method::POST, "h", "/"), "root");
    let explanation = table(&routes).explain("h", "/finance/x", &Method::POST);
    let expected = RouteRefused::MethodNotAllowed { allowed: "GET, PUT".into() };
    assert_eq!(explanation.outcome(), Err(&expected));
}

/// PROMISES E3, LESSONS S2, CVE-2025-54576 (a query satisfied a pattern), Traefik CVE-2026-48020.
#[test]
fn paths_whose_readings_fall_under_different_policies_are_refused() {
    let routes = [open("public", "h/public/"), admin("admin", "h/admin"), route("root", "h/")];
    for target in [
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public%2f..%2fadmin",
        "/public/..%2fadmin",
        "/public/..%252fadmin",
        "/public/..%5cadmin",
        "/public/..;/admin",
        "/public/..;x=y/admin/z",
        "/public/%c0%ae%c0%ae/admin",
        "/public/%ef%bc%8e%ef%bc%8e/admin",
        "//admin",
        "/%61dmin",
        "/%2561dmin",
        "/admin;x",
        "/admin%3b",
        "/admin%23x",
        "/admin%3f",
        "/admin%2500",
        "/Admin",
        "/ADMIN/users",
        "/PUBLIC/x",
        "/a/../admin",
        "/./admin",
        "/public/..",
        "/admin/../x",
        "/adm%C4%B1n",
        "/%EF%BD%81dmin",
    ] {
        assert_eq!(find(&routes, &Method::GET, "h", target), "path_readings_disagree", "{target}");
    }
}

/// LESSONS S2: `/public/100%25` passes. Traefik's blanket refusal was taken back.
#[test]
fn paths_whose_readings_agree_go_on() {
    let routes = [open("public", "h/public/"), admin("admin", "h/admin"), route("root", "h/")];
    for (target, expected) in [
        ("/public/100%25", "public"),
        ("/public/a%2Fb", "public"),
        ("/public/a;v=1/b", "public"),
        ("/public//x", "public"),
        ("/public/x/../y", "public"),
        ("/public/Gr%C3%B6%C3%9Fe.PDF", "public"),
        ("/public/x?next=/../admin", "public"),
        ("/admin/a%20b", "admin"),
        ("/admin/%2e%2e%2e", "admin"),
        ("/Reports/%E2%82%AC", "root"),
        ("/administration", "root"),
        ("/a%2Fb", "root"),
    ] {
        assert_eq!(find(&routes, &Method::GET, "h", target), expected, "{target}");
    }
}

#[test]
fn a_reading_that_no_route_takes_disagrees() {
    let routes = [open("public", "h/public/"), only(&[Method::GET], open("read", "h/read/"))];
    assert_eq!(find(&routes, &Method::GET, "h", "/public/..%2fadmin"), "path_readings_disagree");
    assert_eq!(find(&routes, &Method::POST, "h", "/public/..%2fread/x"), "path_readings_disagree");
    assert_eq!(find(&routes, &Method::GET, "h", "/x/..%2fpublic/y"), "no_route");
}

/// Caddy CVE-2026-27587, -27588: a fast path that skipped case folding.
#[test]
fn an_upper_case_route_guards_every_spelling_of_its_path() {
    let routes = [open("root", "h/"), admin("admin", "h/Admin/")];
    for (target, expected) in [
        ("/Admin/x", "admin"),
        ("/admin/x", "path_readings_disagree"),
        ("/ADMIN/x", "path_readings_disagree"),
        ("/%41dmin/x", "path_readings_disagree"),
        ("/%61dmin/x", "path_readings_disagree"),
        ("/Admin/Gr%C3%B6%C3%9Fe", "admin"),
        ("/administration", "root"),
    ] {
        assert_eq!(find(&routes, &Method::GET, "h", target), expected, "{target}");
    }
}

#[test]
fn letter_case_does_not_matter_where_all_is_of_one_policy() {
    let routes = [route("root", "h/"), route("docs", "h/docs/"), route("Docs", "h/Docs/")];
    for (target, expected) in
        [("/Docs/x", "Docs"), ("/docs/x", "docs"), ("/DOCS/x", "root"), ("/a%2F..%2Fdocs/", "root")]
    {
        assert_eq!(find(&routes, &Method::GET, "h", target), expected, "{target}");
    }
}

#[test]
fn a_path_with_too_many_readings_is_refused() {
    let target = "/a;b/%252e;c/..%255c/%253bd%2523e%253ff%250ag%250dh/%2500//i%EF%BC%8E/%C0%AF/%252F%255C;j";
    assert_eq!(find(&[open("root", "h/")], &Method::GET, "h", target), "path_readings_too_many");
}

#[test]
fn an_explanation_tells_the_route_and_the_reading_that_disagrees() {
    let routes = [open("public", "h/public/"), admin("admin", "h/admin")];
    let table = table(&routes);
    let told = table.explain("h", "/public/..%2fadmin", &Method::GET).to_string();
    assert!(told.starts_with("/public/..%2fadmin -> public\n"), "{told}");
    assert!(told.contains("/admin -> admin, under another policy"), "{told}");
    assert!(told.ends_with("(path_readings_disagree)"), "{told}");
    let told = table.explain("h", "/public/x", &Method::GET).to_string();
    assert!(told.ends_with("route: public"), "{told}");
    let told = table.explain("h", "/public/%1b%5b2J", &Method::GET).to_string();
    assert!(!told.contains('\u{1b}'), "{told}");
}

/// Routes over few hosts and paths, so that they meet.
fn routes() -> impl Strategy<Value = Vec<Route>> {
    let host = prop::sample::select(vec!["", "h", "a.h", "*.h", "*.a.h"]);
    let path = prop::sample::select(vec![
        "/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/b", "/B", "/A/b", "/a/b/c", "/a-b", "/a.b/", "/.a",
    ]);
    let methods = prop::sample::select(vec![
        None,
        None,
        Some(vec![Method::GET]),
        Some(vec![Method::POST, Method::PUT]),
    ]);
    let one = (host, path, methods, 0..3_u8).prop_map(|(host, path, methods, policy)| {
        let place = format!("{host}{path}");
        let base = match policy {
            0 => open(&place, &place),
            1 => admin(&place, &place),
            _ => route(&place, &place),
        };
        Route { methods, ..base }
    });
    prop::collection::vec(one, 0..12).prop_map(|routes| {
        // Adds what makes no trouble with what is there, so that most tables compile.
        routes.into_iter().fold(Vec::new(), |mut kept, route| {
            kept.push(route);
            if RouteTable::compile(&kept).is_err() {
                kept.pop();
            }
            kept
        })
    })
}

/// Paths that meet those routes, in letter case and encoding of all kinds, and some wild ones.
fn paths() -> impl Strategy<Value = String> {
    let near = r"/(a|b|ab|%61|%62|%41|B|A)(/|%2f|/\./|/x/\.\./|;x/|-)?(b|B|%42|c)?(/c)?";
    prop_oneof![3 => near, 1 => r"/(a|b|c|A|B|/|-|\.|\.\.|%2f|%2e|%61|%41|;|%25){0,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn the_table_agrees_with_a_scan_of_all_routes(
        routes in routes(),
        host in prop::sample::select(vec!["h", "a.h", "b.h", "b.a.h", "x", "ah"]),
        path in paths(),
        method in prop::sample::select(vec![Method::GET, Method::POST, Method::DELETE]),
    ) {
        let fast = table(&routes).judge(host, &path, &method, || readings(&path));
        prop_assert_eq!(fast, reference::find(&routes, host, &path, &method));
    }

    #[test]
    fn explanations_agree_with_the_table(
        routes in routes(),
        path in r"/(a|b|A|/|\.\.|%2f|%2e){0,5}",
        method in prop::sample::select(vec![Method::GET, Method::POST]),
    ) {
        let table = table(&routes);
        let explanation = table.explain("a.h", &path, &method);
        let found = table.judge("a.h", &path, &method, || readings(&path));
        prop_assert_eq!(explanation.outcome(), found.as_ref().copied());
    }
}

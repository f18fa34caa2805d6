//! What finding a route costs, and that it does not depend on how many there are.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Version};
use ostia_config::Route;
use ostia_config::route::{Allow, Credentials, HostPattern};
use ostia_request::{Examined, Head, Limits, examine};
use ostia_route::RouteTable;

fn route(host: HostPattern, path: &str) -> Route {
    let name = format!("{host:?}{path}").as_str().into();
    Route {
        path: path.into(),
        providers: vec!["default".into()],
        credentials: Credentials { session: true, bearer: true },
        allow: Allow::Authenticated,
        upstream: "upstream".into(),
        ..Route::named(name, host)
    }
}

/// Many hosts with a path each, and one host with many paths.
fn tables(count: usize) -> [(&'static str, RouteTable); 2] {
    let exact = |host: String| HostPattern::Exact(host);
    let last = count - 1;
    let hosts: Vec<_> =
        (0..count).map(|n| route(exact(format!("app-{}.example.com", last - n)), "/")).collect();
    let paths: Vec<_> = (0..count)
        .map(|n| route(exact("app-0.example.com".into()), &format!("/team-{}/reports/", last - n)))
        .collect();
    [("hosts", hosts), ("paths of one host", paths)]
        .map(|(name, routes)| (name, RouteTable::compile(&routes).expect("a table")))
}

fn examined<'a>(headers: &'a HeaderMap, target: &'a str) -> Examined<'a> {
    let head = Head {
        version: Version::HTTP_11,
        method: &Method::GET,
        target: target.as_bytes(),
        authority: None,
        headers,
    };
    examine(&head, &Limits::default()).expect("a valid request")
}

fn find(c: &mut Criterion) {
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("app-0.example.com"))]);
    for count in [1, 100, 10_000] {
        for (kind, table) in tables(count) {
            for (path, target) in [
                ("plain", "/team-0/reports/2026/q3/summary.html"),
                ("encoded", "/team-0/reports/2026/q3%2Fsummary%20of%20all.html"),
            ] {
                let request = examined(&headers, target);
                c.bench_function(&format!("find among {count} {kind}, {path} path"), |b| {
                    b.iter(|| table.find(black_box(&request), &Method::GET).expect("a route"));
                });
            }
        }
    }
}

fn compile(c: &mut Criterion) {
    let routes: Vec<_> =
        (0..1000).map(|n| route(HostPattern::Exact(format!("app-{n}.example.com")), "/")).collect();
    c.bench_function("compile 1000 routes", |b| b.iter(|| RouteTable::compile(black_box(&routes)).is_ok()));
}

criterion_group!(benches, find, compile);
criterion_main!(benches);

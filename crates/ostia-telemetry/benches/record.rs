//! What telling costs on every request: the counters and the line.

#![expect(clippy::unwrap_used, reason = "a bench that cannot begin may end here")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use criterion::{Criterion, criterion_group, criterion_main};
use http::Method;
use ostia_config::upstream::ServerAddress;
use ostia_config::{Logs, Name};
use ostia_telemetry::{AccessLine, AccessLog, Asked, EndReason, Metrics};

fn counters(c: &mut Criterion) {
    let metrics = Metrics::new("0").unwrap();
    let route = metrics.route("https", "portal");
    let upstream = metrics.upstream("app");
    let server: ServerAddress = "10.0.0.1:80".parse().unwrap();
    let took = Duration::from_micros(700);
    c.bench_function("count a request", |b| b.iter(|| route.record(black_box(&Method::GET), 200, took)));
    c.bench_function("count a request in flight", |b| b.iter(|| route.begin()));
    c.bench_function("count a decision", |b| b.iter(|| route.decided(black_box("staff"), true, "matched")));
    c.bench_function("count a decision by name", |b| {
        b.iter(|| metrics.decided("portal", black_box("staff"), true, "matched"));
    });
    c.bench_function("count an answer of a server", |b| {
        b.iter(|| upstream.answered(&server, Some(200), took))
    });
    c.bench_function("scrape", |b| b.iter(|| metrics.encode()));
}

fn line(c: &mut Criterion) {
    let metrics = Arc::new(Metrics::new("0").unwrap());
    let log = AccessLog::into_sink(Box::new(std::io::sink()), &Logs::default(), &metrics).unwrap();
    let route = Name::from("portal");
    let server: ServerAddress = "10.0.0.1:8080".parse().unwrap();
    let line = AccessLine {
        received_at: SystemTime::now(),
        asked: Asked {
            request_id: "019a6f2e-7c1e-7abc-8def-0123456789ab",
            method: "GET",
            host: "portal.example.com",
            path: "/inbox/messages/17",
        },
        protocol: "1.1",
        tls: Some("1.3"),
        client: Some("192.0.2.7".parse().unwrap()),
        status: 200,
        response_bytes: 1024,
        request_bytes: 0,
        listener: "https",
        route: Some(&route),
        subject: Some("f:1b2c:alice"),
        provider: Some("corp"),
        allowed: Some(true),
        policy: Some("staff"),
        reason: Some("matched"),
        upstream: Some("app"),
        server: Some(&server),
        attempts: 1,
        affinity: Some("kept"),
        total: Duration::from_micros(700),
        own: Duration::from_micros(40),
        end: EndReason::Done,
    };
    c.bench_function("write an access line", |b| b.iter(|| log.write(black_box(&line))));
}

criterion_group!(benches, counters, line);
criterion_main!(benches);

use async_trait::async_trait;
use pingora_core::apps::ReusedHttpStream;
use pingora_core::server::ShutdownWatch;

use super::*;
use crate::edge::Shared;
use crate::settings::Settings;

struct Nothing;

#[async_trait]
impl HttpServerApp for Nothing {
    async fn process_new_http(
        self: &Arc<Self>,
        _session: ServerSession,
        _shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        None
    }
}

/// What a task of its own costs on top of the kernel's part; the promise is 16 KiB for all of an idle connection.
#[tokio::test]
async fn an_idle_connection_is_a_small_task() {
    let section = ostia_config::Listener {
        name: ostia_config::Name::from("plain"),
        bind: Vec::new(),
        redirect_to_https: false,
        tls: None,
        protocols: ostia_config::listener::Protocols { http1: true, http2: false },
        trusted_proxies: Vec::new(),
        proxy_protocol: ostia_config::listener::ProxyProtocol::Refuse,
        limits: ostia_config::listener::Limits::default(),
    };
    let shared = Shared::new(Settings::new(&section, None));
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let edge = Edge::new(Arc::new(Nothing), Arc::new(shared), shutdown);
    let (stream, _client) = tokio::io::duplex(64);
    let size = size_of_val(&serve(Box::new(stream), edge));
    assert!(size <= 1024, "{size} bytes");
}

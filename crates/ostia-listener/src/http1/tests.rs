use async_trait::async_trait;
use pingora_core::apps::ReusedHttpStream;
use pingora_core::server::ShutdownWatch;

use super::*;
use crate::edge::Shared;
use crate::proxy_protocol::ProxyHeaders;
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
    let settings = Settings {
        bounds: (&ostia_config::listener::Limits::default()).into(),
        connections: 1,
        tls: None,
        proxy_headers: ProxyHeaders::new(ostia_config::listener::ProxyProtocol::Refuse, &[]),
    };
    let shared = Shared::new(settings);
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let edge = Edge::new(Arc::new(Nothing), Arc::new(shared), shutdown);
    let (stream, _client) = tokio::io::duplex(64);
    let size = size_of_val(&serve(Box::new(stream), edge));
    assert!(size <= 1024, "{size} bytes");
}

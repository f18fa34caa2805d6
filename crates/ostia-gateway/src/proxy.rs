//! The proxy as Pingora sees it: a table of contents, one call a phase.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ostia_config::Name;
use pingora_core::modules::http::HttpModules;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session as Downstream};

use crate::admit;
use crate::exchange::{Exchange, Progress};
use crate::extension;
use crate::gateway::Gateway;
use crate::stage::{audit, forward, hold, mirror, receive, record, recover, reply, select};

/// The gateway as one listener shows it.
pub struct Front {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) listener: Name,
}

#[async_trait]
impl ProxyHttp for Front {
    type CTX = Exchange;

    fn new_ctx(&self) -> Exchange {
        ostia_listener::request_begins();
        Exchange::new(self.gateway.snapshot_at(&self.listener))
    }

    /// No module: the default one is boxed for every request to do nothing.
    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    async fn early_request_filter(&self, downstream: &mut Downstream, exchange: &mut Exchange) -> Result<()> {
        receive::set_deadlines(self, downstream, exchange);
        receive::close_when_leaving(self, downstream);
        Ok(())
    }

    async fn request_filter(&self, downstream: &mut Downstream, exchange: &mut Exchange) -> Result<bool> {
        match admit::admit(self, downstream, exchange).await {
            Ok(authorized) => {
                audit::allowed(self, downstream, exchange);
                receive::set_stream_deadlines(downstream, exchange, &authorized);
                hold::hold_request(self, downstream, &authorized, exchange);
                exchange.progress = Progress::Authorized(Box::new(authorized));
                Ok(false)
            }
            Err(answer) => {
                audit::answered(self, downstream, exchange, &answer);
                exchange.outcome.answered = Some((answer.status().as_u16(), answer.reason()));
                // A session that was refreshed for a request that is refused in the end was refreshed all the same.
                let answer = answer.with_cookies(exchange.outcome.cookies.drain(..));
                let answer = extension::on_own_answer(self, downstream, answer, exchange);
                answer.write(downstream, &exchange.id.to_value()).await?;
                Ok(true)
            }
        }
    }

    async fn request_body_filter(
        &self,
        _: &mut Downstream,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        exchange: &mut Exchange,
    ) -> Result<()> {
        hold::used(exchange);
        receive::count_body(self, body, exchange)?;
        if end_of_stream {
            forward::request_complete(exchange);
        }
        if exchange.copy.is_some() {
            mirror::body(&self.gateway.shared_metrics(), body.as_ref(), end_of_stream, exchange);
        }
        Ok(())
    }

    async fn upstream_peer(
        &self,
        downstream: &mut Downstream,
        exchange: &mut Exchange,
    ) -> Result<Box<HttpPeer>> {
        select::select(downstream, exchange).await
    }

    fn fail_to_connect(
        &self,
        _: &mut Downstream,
        _: &HttpPeer,
        exchange: &mut Exchange,
        error: Box<Error>,
    ) -> Box<Error> {
        recover::after_connect_failure(self, exchange, error)
    }

    async fn upstream_request_filter(
        &self,
        _: &mut Downstream,
        upstream_request: &mut RequestHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        forward::forward(upstream_request, exchange)?;
        mirror::begin(upstream_request, exchange);
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        downstream: &mut Downstream,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        recover::after_status(self, downstream, response, exchange)
    }

    async fn response_filter(
        &self,
        downstream: &mut Downstream,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        receive::close_when_leaving(self, downstream);
        hold::hold_answer(self, downstream, response, exchange);
        extension::on_response(self, downstream, response, exchange)?;
        reply::reply(response, exchange)
    }

    fn response_body_filter(
        &self,
        _: &mut Downstream,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        exchange: &mut Exchange,
    ) -> Result<Option<Duration>> {
        hold::count_answer(body.as_ref(), exchange);
        Ok(None)
    }

    fn error_while_proxy(
        &self,
        _: &HttpPeer,
        downstream: &mut Downstream,
        error: Box<Error>,
        exchange: &mut Exchange,
        _: bool,
    ) -> Box<Error> {
        recover::after_broken_exchange(self, downstream, exchange, error)
    }

    async fn fail_to_proxy(
        &self,
        downstream: &mut Downstream,
        error: &Error,
        exchange: &mut Exchange,
    ) -> FailToProxy {
        recover::answer_failure(self, downstream, error, exchange).await
    }

    async fn logging(&self, downstream: &mut Downstream, error: Option<&Error>, exchange: &mut Exchange) {
        record::record(self, downstream, error, exchange);
    }

    /// The query stays out of every log: codes and states live there.
    fn request_summary(&self, downstream: &Downstream, exchange: &Exchange) -> String {
        record::summary(downstream, exchange)
    }

    /// The access log and the metrics tell a failed request, with its reason.
    fn suppress_error_log(&self, _: &Downstream, _: &Exchange, _: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &Downstream,
        _: &Exchange,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}

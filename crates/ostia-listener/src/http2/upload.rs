//! A stream of HTTP/2 whose request has a body: Pingora's session with the deadline that it lacks.
//!
//! Pingora reads a body of HTTP/2 without any deadline, so a client could hold a stream, and a connection to a server,
//! by sending nothing. A session of one's own kind can have one. It also keeps empty DATA frames to itself. Streams
//! without a body stay Pingora's own.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use pingora_core::protocols::Digest;
use pingora_core::protocols::http::HttpTask;
use pingora_core::protocols::http::custom::CustomMessageWrite;
use pingora_core::protocols::http::custom::server::Session;
use pingora_core::protocols::http::v2::server::HttpSession;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use tokio::time::timeout;

/// Messages of custom protocols: there are none here.
type Messages = Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;

/// A stream with a body to come.
pub(super) struct Upload {
    stream: HttpSession,
    /// Between two reads of the body.
    read_timeout: Option<Duration>,
}

impl Upload {
    pub(super) fn new(stream: HttpSession, read_timeout: Duration) -> Self {
        Self { stream, read_timeout: Some(read_timeout) }
    }

    /// The next bytes of the body, of which there is at least one. An empty DATA frame is no part of a body, but
    /// Pingora makes a chunk of it towards HTTP/1, and an empty chunk ends the body there: a second end would follow,
    /// and the server take it for the beginning of the next request.
    async fn read_bytes(&mut self) -> Result<Option<Bytes>> {
        loop {
            match self.stream.read_body_bytes().await? {
                Some(bytes) if bytes.is_empty() => {}
                bytes => return Ok(bytes),
            }
        }
    }
}

#[async_trait]
impl Session for Upload {
    fn req_header(&self) -> &RequestHeader {
        self.stream.req_header()
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        self.stream.req_header_mut()
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        let Some(deadline) = self.read_timeout else { return self.read_bytes().await };
        timeout(deadline, self.read_bytes()).await.unwrap_or_else(|_| {
            Error::e_explain(ErrorType::ReadTimedout, "the client sends nothing of the body")
        })
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        self.stream.drain_request_body().await
    }

    async fn write_response_header(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<()> {
        self.stream.write_response_header(head, end)
    }

    async fn write_response_header_ref(&mut self, head: &ResponseHeader, end: bool) -> Result<()> {
        self.stream.write_response_header_ref(head, end)
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.stream.write_body(data, end).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.stream.write_trailers(trailers)
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        self.stream.response_duplex_vec(tasks).await
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.read_timeout
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.stream.set_write_timeout(timeout);
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.stream.get_write_timeout()
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.stream.set_total_drain_timeout(timeout);
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.stream.get_total_drain_timeout()
    }

    fn request_summary(&self) -> String {
        self.stream.request_summary()
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.stream.response_written()
    }

    async fn shutdown(&mut self, _code: u32, _context: &str) {
        self.stream.shutdown();
    }

    fn is_body_done(&mut self) -> bool {
        self.stream.is_body_done()
    }

    async fn finish(&mut self) -> Result<()> {
        self.stream.finish()
    }

    fn is_body_empty(&mut self) -> bool {
        self.stream.is_body_empty()
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if no_body_expected || self.stream.is_body_done() {
            // Waits for the client to leave: that may take as long as the answer.
            return self.stream.read_body_or_idle(true).await;
        }
        self.read_body_bytes().await
    }

    fn body_bytes_sent(&self) -> usize {
        self.stream.body_bytes_sent()
    }

    fn body_bytes_read(&self) -> usize {
        self.stream.body_bytes_read()
    }

    fn digest(&self) -> Option<&Digest> {
        self.stream.digest()
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        self.stream.digest_mut()
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.stream.client_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.stream.server_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        self.stream.pseudo_raw_h1_request_header()
    }

    fn enable_retry_buffering(&mut self) {
        self.stream.enable_retry_buffering();
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.stream.retry_buffer_truncated()
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.stream.get_retry_buffer()
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(&mut self) -> Option<Messages> {
        None
    }

    fn restore_custom_message_reader(&mut self, _: Messages) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

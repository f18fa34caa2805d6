//! What every stream that stands before another one passes on.

/// Passes everything but reading and writing on to the stream inside.
macro_rules! passes_on {
    ($outer:ty, $inner:ident) => {
        #[async_trait::async_trait]
        impl pingora_core::protocols::Shutdown for $outer {
            async fn shutdown(&mut self) {
                // What waits here would not be known inside. A peer that is gone is not told.
                let _ = tokio::io::AsyncWriteExt::flush(self).await;
                self.$inner.shutdown().await;
            }
        }

        impl pingora_core::protocols::UniqueID for $outer {
            fn id(&self) -> pingora_core::protocols::UniqueIDType {
                self.$inner.id()
            }
        }

        impl pingora_core::protocols::Ssl for $outer {
            fn get_ssl(&self) -> Option<&pingora_core::protocols::tls::TlsRef> {
                self.$inner.get_ssl()
            }

            fn get_ssl_digest(&self) -> Option<std::sync::Arc<pingora_core::protocols::tls::SslDigest>> {
                self.$inner.get_ssl_digest()
            }

            fn selected_alpn_proto(&self) -> Option<pingora_core::protocols::ALPN> {
                self.$inner.selected_alpn_proto()
            }
        }

        impl pingora_core::protocols::Peek for $outer {}

        impl pingora_core::protocols::GetTimingDigest for $outer {
            fn get_timing_digest(&self) -> Vec<Option<pingora_core::protocols::TimingDigest>> {
                self.$inner.get_timing_digest()
            }
        }

        impl pingora_core::protocols::GetProxyDigest for $outer {
            fn get_proxy_digest(
                &self,
            ) -> Option<std::sync::Arc<pingora_core::protocols::raw_connect::ProxyDigest>> {
                self.$inner.get_proxy_digest()
            }
        }

        impl pingora_core::protocols::GetSocketDigest for $outer {
            fn get_socket_digest(&self) -> Option<std::sync::Arc<pingora_core::protocols::SocketDigest>> {
                self.$inner.get_socket_digest()
            }

            fn set_socket_digest(&mut self, digest: pingora_core::protocols::SocketDigest) {
                self.$inner.set_socket_digest(digest);
            }
        }
    };
}

pub(crate) use passes_on;

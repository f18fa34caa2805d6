//! The programmable part: the public Extension trait and its small vocabulary.
//!
//! An [`Extension`] is asked about requests around the security path, which is not a plug-in: it sees a [`RequestView`],
//! asks for [`Edits`] and gives a [`Verdict`]. It can refuse what the policy allows, never allow what the policy refuses.
//! The gateway applies the edits and refuses those of fields that carry identity. What an extension never sees is a
//! secret: the views leave credentials and cookies out.
//!
//! This crate keeps to semantic versioning by itself: new hooks come with a default, new verdicts may come
//! ([`Verdict`] is not exhaustive), nothing else changes within a major version.
//!
//! ```
//! use http::{HeaderName, HeaderValue, StatusCode};
//! use ostia_extension::{Edits, Extension, RequestView, Verdict};
//!
//! /// Tells the upstream which tenant a caller belongs to, and lets nobody in who has none.
//! struct Tenant;
//!
//! impl Extension for Tenant {
//!     fn name(&self) -> &str {
//!         "tenant"
//!     }
//!
//!     fn fields(&self) -> Vec<HeaderName> {
//!         vec![HeaderName::from_static("x-tenant")]
//!     }
//!
//!     fn on_authorized(&self, request: &RequestView<'_>, edits: &mut Edits) -> Verdict {
//!         let tenant = request.identity().and_then(|who| who.claims.get("tenant")?.strings().next());
//!         match tenant.and_then(|tenant| HeaderValue::from_str(tenant).ok()) {
//!             Some(tenant) => {
//!                 edits.set(HeaderName::from_static("x-tenant"), tenant);
//!                 Verdict::Continue
//!             }
//!             None => Verdict::Refuse(StatusCode::FORBIDDEN),
//!         }
//!     }
//! }
//! ```

mod edit;
mod extension;
mod reply;
mod view;

pub use async_trait::async_trait;
pub use edit::{Edit, Edits};
pub use extension::{Configured, Extension, Verdict};
pub use reply::Reply;
pub use view::{ClientCertificate, RequestView, ResponseView};

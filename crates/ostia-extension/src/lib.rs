//! The programmable part: the public Extension trait and its small vocabulary.
//!
//! An [`Extension`] is asked about requests that may enter already: the security path is not a plug-in. It sees a
//! [`RequestView`], asks for [`Edits`] and gives a [`Verdict`]; the gateway applies the edits and refuses those of fields
//! that carry identity. What an extension never sees is a secret: the view leaves `Authorization`, `Cookie` and
//! `Proxy-Authorization` out.
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
mod view;

pub use edit::{Edit, Edits};
pub use extension::{Extension, Verdict};
pub use view::RequestView;

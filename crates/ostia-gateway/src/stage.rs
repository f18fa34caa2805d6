//! The stages of a request, in the order in which they run.

pub mod mirror;
pub mod receive;

pub(crate) mod kept;

pub mod route;

pub mod hold;
pub mod identify;

pub mod bearer;

pub(crate) mod possession;

pub(crate) mod asked;
pub mod audit;
pub mod authorize;

pub mod affinity;

pub mod select;

pub mod fault;
pub mod forward;

pub mod origin;

pub mod reply;

pub mod recover;

pub mod record;

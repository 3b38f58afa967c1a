//! What a statement is: PostgreSQL's own grammar, reduced to what routing needs.
//!
//! [`normalise`] takes comments, white space and the values of literals away, [`Fingerprint`] is a short keyed
//! name of what is left, and [`analyse_normal`] reads from it with PostgreSQL's grammar what the text is: a [`Text`] of
//! [`Statement`]s. [`analyse()`] does it all. Where a literal decides, [`analyse_in_full`] parses the text itself.
//!
//! Nothing here looks into a server's catalogs: views, user-defined operators and casts, and users' functions that
//! have the name of a built-in are taken to do nothing but read.

mod analyse;
mod builtin;
mod class;
mod fingerprint;
mod functions;
mod head;
mod normal;
mod place;
mod read;
mod setting;
mod statement;
mod template;
mod types;
mod verb;

pub use analyse::{Remembered, analyse, analyse_in_full, analyse_normal};
pub use class::{Class, classify, classify_normal};
pub use fingerprint::{Fingerprint, FingerprintKey};
pub use functions::Calls;
pub use head::Head;
pub use normal::{NORMAL_BYTES, Shape, TEXT_BYTES, normalise, normalise_noting};
pub use place::{Place, Why};
pub use setting::{Change, Scope, Setting};
pub use statement::{Function, Relation, Statement, Temporary, Text};
pub use template::{Literals, Template};
pub use verb::{Access, Characteristics, Discard, Isolation, Verb};

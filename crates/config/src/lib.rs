//! The configuration of pgherd: it reads `pgpool.conf` as Pgpool-II does, and says more.
//!
//! Each setting is declared once, in `sections/`; reading, defaults, showing, reloading, the sample file and the
//! manual all come from that declaration. Nothing here does IO: the text of files comes in as bytes, and
//! `include` asks the caller ([`Include`]).

mod check;
mod choices;
mod cluster;
mod feature;
mod kind;
mod lexer;
mod load;
mod manual;
mod names;
mod nearest;
mod number;
mod old;
mod pattern;
mod problem;
mod problems;
mod redirect;
mod related;
mod reload;
mod sections;
mod session;
mod setting;
mod settings;
mod show;
mod source;

pub use choices::{
    AfterWrite, BackendFlag, BackendMessages, CacheMethod, ErrorVerbosity, IoDriver, LifecheckMethod,
    LogDelay, LogDestination, MessageLevel, ProcessMode, ProcessStrategy, ReadConsistency, RecoveryIdleLimit,
    RelationSource, SyslogFacility, TempTableCheck,
};
pub use feature::Feature;
pub use kind::Style;
pub use load::{Loaded, load};
pub use manual::{reference, sample};
pub use pattern::Pattern;
pub use problem::{Position, Problem, Severity};
pub use redirect::{Redirect, RedirectList, RedirectTarget};
pub use related::{RelatedList, RelatedObject};
pub use reload::{Change, Reload};
pub use sections::{
    Backend, Balance, Cache, Connections, Failover, Files, HealthCheck, Heartbeat, Logging, Own, Peer,
    Pooling, Recovery, Replication, StandbyCheck, Tls, Watchdog,
};
pub use session::{SessionDoubt, SessionRefusal, SessionSettings};
pub use setting::{Setting, Shape, State, When};
pub use settings::{CHAPTERS, Chapter, LAST_NODE, Settings, all, find};
pub use show::Shown;
pub use source::{Include, NoFiles};

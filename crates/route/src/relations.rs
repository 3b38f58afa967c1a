//! What is known of the catalogs: facts about relations and functions by name.

mod answer;
mod facts;
mod lookup;

use core::hash::Hasher;
use core::time::Duration;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use pgherd_sql::{Fingerprint, FingerprintKey, Function, Relation};
use pgherd_types::Moment;

use crate::facts::{NameScope, ScopeId};
use crate::memory::Memory;
use crate::routing::RelationLimits;

pub use answer::BadAnswer;
pub(crate) use facts::{Fact, RelationFacts};
pub(crate) use lookup::Asked;
use lookup::Kind;
pub use lookup::{LOOKUP_NAMES, Lookup};

/// How long it is remembered that a name means nothing, or something temporary: the one may be made at any time, also
/// where no DDL is seen, and the other is there for one session alone.
const FLEETING_KEPT: Duration = Duration::from_secs(1);

/// Facts that are remembered whatever the settings say: twice over what one statement may ask for, so that what
/// was just learnt is still there.
const LEAST_NAMES: usize = 4 * LOOKUP_NAMES;

/// Facts about the objects of all databases, by scope and name. One per event loop.
#[derive(Debug)]
pub(crate) struct Relations {
    key: FingerprintKey,
    /// What the names within a scope are hashed with.
    seeds: [SharedSeed; 2],
    facts: Memory<Learnt>,
    limits: RelationLimits,
    /// What is known is of this schema epoch.
    epoch: u64,
}

#[derive(Clone, Copy, Debug)]
struct Learnt {
    fact: Fact,
    at: Moment,
}

impl Relations {
    pub(crate) fn new(key: FingerprintKey) -> Self {
        let limits = RelationLimits::default();
        let seed = |which: &[u8]| SharedSeed::from_u64(ScopeId::from(key.fingerprint(which)).low);
        Relations {
            key,
            seeds: [seed(b"low"), seed(b"high")],
            facts: Memory::new(bytes(limits)),
            limits,
            epoch: 0,
        }
    }

    /// Takes over the limits of the settings.
    pub(crate) fn limit(&mut self, limits: RelationLimits) {
        if self.limits != limits {
            self.limits = limits;
            self.facts.resize(bytes(limits));
        }
    }

    /// Forgets everything when the schema epoch has moved on.
    pub(crate) fn refresh(&mut self, epoch: u64) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.facts.clear();
        }
    }

    /// The short name of a scope.
    pub(crate) fn scope(&self, names: &NameScope<'_>) -> ScopeId {
        if let Some(known) = names.known {
            return known;
        }
        let identity = names.identity;
        let options = identity.options().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        // An absent path differs from an empty one.
        let set = [u8::from(names.search_path.is_some()), u8::from(names.role.is_some())];
        let own = [
            set.as_slice(),
            names.search_path.unwrap_or_default(),
            names.role.unwrap_or_default(),
            identity.user().as_bytes(),
            identity.database().as_bytes(),
        ];
        self.key.of_parts(own.into_iter().chain(options)).into()
    }

    /// What is known of a relation.
    pub(crate) fn relation(&mut self, scope: ScopeId, relation: &Relation, now: Moment) -> Option<Fact> {
        self.fact(self.key_of(scope, Kind::Relation, relation.schema.as_deref(), &relation.name), now)
    }

    /// What is known of a function.
    pub(crate) fn function(&mut self, scope: ScopeId, function: &Function, now: Moment) -> Option<Fact> {
        self.fact(self.key_of(scope, Kind::Function, function.schema.as_deref(), &function.name), now)
    }

    fn fact(&mut self, key: Fingerprint, now: Moment) -> Option<Fact> {
        let learnt = *self.facts.get(key)?;
        let kept = match learnt.fact {
            Fact::Absent => Some(FLEETING_KEPT),
            Fact::Relation(facts) if facts.temporary => Some(FLEETING_KEPT),
            Fact::Relation(_) | Fact::Function(_) => self.limits.expire,
        };
        if kept.is_some_and(|kept| now.since(learnt.at) >= kept) {
            self.facts.remove(key);
            return None;
        }
        Some(learnt.fact)
    }

    /// A question about names that are not known yet.
    pub(crate) fn lookup(&self, scope: ScopeId, names: &[Asked<'_>]) -> Lookup {
        let keys =
            names.iter().map(|name| (self.key_of(scope, name.kind, name.schema, name.name), name.kind));
        Lookup::new(keys.collect(), names, self.epoch)
    }

    /// Remembers an answer.
    pub(crate) fn learn(&mut self, lookup: &Lookup, answer: &[u8], now: Moment) -> Result<(), BadAnswer> {
        if lookup.epoch != self.epoch {
            return Err(BadAnswer::Outdated);
        }
        for (key, fact) in answer::facts(lookup, answer)? {
            self.facts.put(key, Learnt { fact, at: now }, 0);
        }
        Ok(())
    }

    /// The short name of an object: a hash of its name that depends on its scope, which nobody outside can know.
    /// Whoever finds two names with one hash finds them in one scope, and so fools nobody but itself.
    fn key_of(&self, scope: ScopeId, kind: Kind, schema: Option<&str>, name: &str) -> Fingerprint {
        let kind = match (kind, schema) {
            (Kind::Relation, None) => b'r',
            (Kind::Relation, Some(_)) => b'R',
            (Kind::Function, None) => b'f',
            (Kind::Function, Some(_)) => b'F',
        };
        let schema = schema.unwrap_or_default().as_bytes();
        let half = |scope: u64, seed: &SharedSeed| {
            let mut hasher = FoldHasher::with_seed(scope, seed);
            hasher.write_u8(kind);
            hasher.write_usize(schema.len());
            hasher.write(schema);
            hasher.write(name.as_bytes());
            u128::from(hasher.finish())
        };
        let [low, high] = &self.seeds;
        Fingerprint(half(scope.low, low) | half(scope.high, high) << 64)
    }
}

fn bytes(limits: RelationLimits) -> usize {
    limits.names.max(LEAST_NAMES).saturating_mul(Memory::<Learnt>::ENTRY_BYTES)
}

use core::hint::black_box;

use pgherd_route::{
    Decision, NameScope, Router, Routing, SessionFacts, Temporaries, TransactionFacts, Written, WroteBefore,
};
use pgherd_sql::Text;
use pgherd_types::{Identity, Moment};

use crate::messages;

/// A router, and the session that asks it.
#[derive(Debug)]
pub struct Decisions {
    router: Router,
    routing: Routing,
    identity: Identity,
    temporaries: Temporaries,
}

impl Decisions {
    /// A router that knows neither statement nor relation yet. Balancing is on.
    pub fn new() -> Self {
        Decisions {
            router: Router::new([1; 16]),
            routing: Routing { load_balance: true, ..Routing::default() },
            identity: Identity::new("u", "d", []),
            temporaries: Temporaries::None,
        }
    }

    /// What a statement is; remembered from the second time on.
    pub fn read(&mut self, text: &[u8]) -> std::sync::Arc<Text> {
        self.router.read(text)
    }

    /// Where a statement goes that has been read. What is not known of its relations is learnt: they are plain tables.
    ///
    /// # Panics
    /// When the router does not learn from the answer.
    pub fn decide(&mut self, text: &[u8], read: &Text) {
        let Some(statement) = read.statements().first() else { return };
        let Decisions { router, routing, identity, temporaries } = self;
        let facts = SessionFacts {
            transaction: TransactionFacts::None,
            wrote_before: WroteBefore::Never,
            written: Written::Known(&[]),
            temporaries,
            held: None,
            names: NameScope { identity, search_path: None, role: None, utf8: true, known: None },
            now: Moment(1),
        };
        match router.decide(statement, text, &facts, routing) {
            Decision::Lead(rule) | Decision::Reader(rule) => {
                black_box(rule);
            }
            Decision::Ask(lookup) => {
                let names = lookup.query().matches(",'r',").count();
                router.learn(lookup, &messages::plain_tables(names), 0).expect("the answer is well formed");
            }
        }
    }

    /// Both, for a text that came from a client.
    pub fn once(&mut self, text: &[u8]) {
        let read = self.read(text);
        self.decide(text, &read);
    }
}

impl Default for Decisions {
    fn default() -> Self {
        Decisions::new()
    }
}

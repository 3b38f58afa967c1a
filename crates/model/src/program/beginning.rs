//! Batches that begin a transaction and read in it.

use super::Writer;

impl Writer<'_> {
    /// What a driver sends whose transactions begin with the first statement: BEGIN, perhaps a setting, and reads, in
    /// one batch.
    pub(super) fn batch_that_begins(&mut self) {
        let begin_name = *self.rng.pick(&["", "", "", "s0"]);
        let read_name = *self.rng.pick(&["", "", "", "s1"]);
        if begin_name.is_empty() || self.rng.chance(70) {
            let begin = if self.rng.chance(5) { "SELEC".to_owned() } else { self.begin() };
            self.parse(begin_name, &begin);
        }
        self.run_in_batch(begin_name);
        if self.rng.chance(30) {
            let text = if self.rng.chance(60) { self.setting() } else { self.savepoint() };
            self.parse("", &text);
            self.run_in_batch("");
        }
        for _ in 0..1 + self.rng.below(2) {
            let text = if self.rng.chance(90) { self.reading() } else { self.statement() };
            self.parse(read_name, &text);
            self.run_in_batch(read_name);
        }
        self.sync();
        if self.rng.chance(60) {
            self.perhaps_wait();
            let text = if self.rng.chance(50) { self.reading() } else { self.end_of_block() };
            self.run(&text);
            let end = self.end_of_block();
            self.query(&end);
        }
    }

    fn run_in_batch(&mut self, name: &str) {
        self.bind_empty(name);
        if self.rng.chance(40) {
            self.describe(b'P', "");
        }
        let rows = *self.rng.pick(&[0, 0, 0, 1]);
        self.execute("", rows);
        if self.rng.chance(8) {
            self.message(b'H', b"");
        }
    }
}

use foldhash::fast::FixedState;

/// A hash table whose keys are numbers of our own, which nobody else can choose: its hash is cheap, and the same in
/// each process.
pub type HashTable<K, V> = std::collections::HashMap<K, V, FixedState>;

/// The same of keys alone.
pub type HashKeys<K> = std::collections::HashSet<K, FixedState>;

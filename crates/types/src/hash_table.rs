use foldhash::quality::RandomState;

/// A hash table of what is compared as a whole. Its hash is cheap, and seeded anew in each process: keys that collide
/// cost a comparison, whoever has chosen them.
pub type HashTable<K, V> = std::collections::HashMap<K, V, RandomState>;

/// The same of keys alone.
pub type HashKeys<K> = std::collections::HashSet<K, RandomState>;

//! The lists of routing: what they mean, and what is said of one that is wrong.

use std::path::Path;

use pgherd_config::{Loaded, NoFiles, RedirectTarget, RelatedObject, Style, find, load};
use pgherd_types::NodeId;

fn read(lines: &str) -> Loaded {
    let nodes = "backend_hostname0 = 'a'\nbackend_port0 = 5432\nbackend_weight0 = 1\n\
        backend_hostname1 = 'b'\nbackend_port1 = 5432\nbackend_weight1 = 1\n";
    load(Path::new("x"), format!("{nodes}{lines}").as_bytes(), &NoFiles)
}

/// Lines, and what is said of them.
const WRONG: [(&str, &str); 17] = [
    (
        "user_redirect_preference_list = 'a:standby, b:5'",
        "x:7: error: user_redirect_preference_list is wrong at entry 2 (b): there is no node 5; write the number of \
         a node with backend_hostname and backend_port, primary or standby",
    ),
    (
        "user_redirect_preference_list = 'a:standby,b'",
        "x:7: error: user_redirect_preference_list = 'a:standby,b' is wrong at entry 2 (b): there is no colon in \
         it; write entries such as name:standby or name:1(0.5) with commas between them",
    ),
    (
        "database_redirect_preference_list = 'a:secondary'",
        "x:7: error: database_redirect_preference_list = 'a:secondary' is wrong at entry 1 (a:secondary): \
         'secondary' is no node; write the number of a node, primary or standby behind the colon",
    ),
    (
        "database_redirect_preference_list = 'a:128'",
        "x:7: error: database_redirect_preference_list = 'a:128' is wrong at entry 1 (a:128): \
         '128' is no node; write the number of a node, primary or standby behind the colon",
    ),
    (
        "app_name_redirect_preference_list = 'a:1(0.5),b:1(1.5)'",
        "x:7: error: app_name_redirect_preference_list = 'a:1(0.5),b:1(1.5)' is wrong at entry 2 (b:1(1.5)): \
         '(1.5)' is no ratio; write a number from 0.0 to 1.0 in the parentheses",
    ),
    (
        "app_name_redirect_preference_list = 'a:1(x)'",
        "x:7: error: app_name_redirect_preference_list = 'a:1(x)' is wrong at entry 1 (a:1(x)): \
         '(x)' is no ratio; write a number from 0.0 to 1.0 in the parentheses",
    ),
    (
        "app_name_redirect_preference_list = 'a:1(0.5'",
        "x:7: error: app_name_redirect_preference_list = 'a:1(0.5' is wrong at entry 1 (a:1(0.5): \
         '(0.5' is no ratio; write a number from 0.0 to 1.0 in the parentheses",
    ),
    (
        "app_name_redirect_preference_list = 'a(:1'",
        "x:7: error: app_name_redirect_preference_list = 'a(:1' is wrong at entry 1 (a(:1): the pattern is no \
         regular expression (unclosed group); write a POSIX regular expression before the colon",
    ),
    (
        "write_function_list = 'nextval, [x'",
        "x:7: error: write_function_list = 'nextval, [x' is wrong at entry 2: [x is no regular expression \
         (unclosed character class); write POSIX regular expressions, without back references",
    ),
    (
        "black_function_list = '('",
        "x:7: error: black_function_list = '(' is wrong at entry 1: ( is no regular expression \
         (unclosed group); write POSIX regular expressions, without back references",
    ),
    (
        r"primary_routing_query_pattern_list = 'a;(b)\1'",
        r"x:7: error: primary_routing_query_pattern_list = 'a;(b)\1' is wrong at entry 2: (b)\1 is no regular \
         expression (backreferences are not supported); write POSIX regular expressions, without back references",
    ),
    (
        "dml_adaptive_object_relationship_list = 'a:b,c'",
        "x:7: error: dml_adaptive_object_relationship_list = 'a:b,c' is wrong at entry 2 (c): it is not two names \
         with a colon between them; write pairs such as orders:order_totals or add_order():orders with commas \
         between them",
    ),
    (
        "dml_adaptive_object_relationship_list = 'a:'",
        "x:7: error: dml_adaptive_object_relationship_list = 'a:' is wrong at entry 1 (a:): a name is missing; \
         write pairs such as orders:order_totals or add_order():orders with commas between them",
    ),
    (
        "dml_adaptive_object_relationship_list = 'a(:b'",
        "x:7: error: dml_adaptive_object_relationship_list = 'a(:b' is wrong at entry 1 (a(:b): there is a \
         parenthesis that is not closed; write pairs such as orders:order_totals or add_order():orders with commas \
         between them",
    ),
    (
        "read_consistency = 'strong'",
        "x:7: error: read_consistency = 'strong' is not a word that it takes; write one of eventual, session",
    ),
    (
        "read_consistency_wait = 2min",
        "x:7: error: read_consistency_wait = '2min' is out of range; write a whole number from 0 to 60000 in ms, or \
         one with a unit (us, ms, s, min, h, d)",
    ),
    (
        "disable_load_balance_on_write = 'never'",
        "x:7: error: disable_load_balance_on_write = 'never' is not a word that it takes; write one of off, \
         transaction, trans_transaction, always, dml_adaptive, dml_adaptive_global",
    ),
];

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (lines, expected) in WRONG {
        let told: Vec<_> = read(lines).errors().map(ToString::to_string).collect();
        // A raw text keeps its line end; here it is one line.
        let expected = expected.replace("\\\n         ", "");
        assert_eq!(told, [expected], "{lines}");
    }
}

#[test]
fn redirect_lists() {
    let loaded =
        read(r"app_name_redirect_preference_list = 'psql:primary, ^rep[0-9]+$:standby(0.25),a\,b:1( .5 )'");
    assert_eq!(loaded.problems, []);
    let list = &loaded.settings.balance.app_name_redirect_preference_list;
    let found: Vec<_> =
        list.entries.iter().map(|entry| (entry.pattern.text(), entry.target, entry.ratio)).collect();
    let expected = [
        ("psql", RedirectTarget::Primary, 1.0),
        ("^rep[0-9]+$", RedirectTarget::Standby, 0.25),
        ("a,b", RedirectTarget::Node(NodeId(1)), 0.5),
    ];
    assert_eq!(found, expected);
    let setting = find("app_name_redirect_preference_list").expect("a setting");
    assert_eq!(
        setting.show(&loaded.settings, None, Style::Units),
        r"psql:primary, ^rep[0-9]+$:standby(0.25),a\,b:1( .5 )"
    );
}

#[test]
fn pairs_of_objects() {
    let loaded = read("dml_adaptive_object_relationship_list = 't1:t2, s.t1 : v1 , f():t3,s.g(*):f( )'");
    assert_eq!(loaded.problems, []);
    let relation = |name: &str| RelatedObject::Relation(name.to_owned());
    let function = |name: &str| RelatedObject::Function(name.to_owned());
    let expected = [
        (relation("t1"), relation("t2")),
        (relation("t1"), relation("v1")),
        (function("f"), relation("t3")),
        (function("g"), function("f")),
    ];
    assert_eq!(loaded.settings.balance.dml_adaptive_object_relationship_list.pairs, expected);
}

#[test]
fn old_names_of_the_lists() {
    for (old, new) in [
        ("white_function_list", "read_only_function_list"),
        ("black_function_list", "write_function_list"),
        ("black_query_pattern_list", "primary_routing_query_pattern_list"),
    ] {
        let loaded = read(&format!("{old} = 'get_.*'"));
        assert!(loaded.is_usable());
        let setting = find(new).expect("a setting");
        assert_eq!(setting.show(&loaded.settings, None, Style::Units), "get_.*", "{old}");
    }
}

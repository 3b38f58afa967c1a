//! The sample file and the manual page, made from the declarations.

use core::fmt::Write;

use crate::kind::Style;
use crate::old::{self, Fate};
use crate::setting::{Setting, Shape, State, When};
use crate::settings::CHAPTERS;

/// What the manual says before the list of settings.
const INTRODUCTION: &str = include_str!("manual/introduction.txt");
/// What the sample file says before the settings.
const SAMPLE_HEAD: &str = include_str!("manual/sample_head.conf");

/// Values that show better than the default how a numbered setting is used.
const EXAMPLES: &[(&str, &str)] = &[
    ("backend_hostname", "localhost"),
    ("backend_port", "5432"),
    ("backend_weight", "1"),
    ("wd_port", "9000"),
    ("pgpool_port", "9999"),
    ("heartbeat_hostname", "localhost"),
    ("heartbeat_port", "9694"),
];

/// Values that a new configuration should have, although the default is that of Pgpool-II.
const ADVISED: &[(&str, &str)] = &[("read_consistency", "session")];

/// A configuration file with every setting in it, explained, and commented out unless another value than the default
/// is advised.
pub fn sample() -> String {
    let mut text = SAMPLE_HEAD.to_owned();
    for chapter in CHAPTERS {
        put(&mut text, format_args!("\n\n# {}\n# {}\n", chapter.title, "-".repeat(chapter.title.len())));
        for setting in chapter.settings {
            sample_setting(&mut text, setting);
        }
    }
    text
}

fn sample_setting(text: &mut String, setting: &Setting) {
    text.push('\n');
    let notes = format!("({})", facts(setting).join("; "));
    for line in wrapped(&setting.description(), 96).into_iter().chain(wrapped(&notes, 96)) {
        put(text, format_args!("# {line}\n"));
    }
    let index = (!setting.shape.is_plain()).then_some(0);
    let example = EXAMPLES.iter().find_map(|&(name, value)| (name == setting.name).then_some(value));
    let value = example.map_or_else(|| setting.show_default(Style::Units), str::to_owned);
    let quote = if (setting.access.is_quoted)() { "'" } else { "" };
    let name = setting.full_name(index);
    if let Some((_, advised)) = ADVISED.iter().find(|(name, _)| *name == setting.name) {
        return put(text, format_args!("{name} = {quote}{advised}{quote}\n"));
    }
    put(text, format_args!("#{name} = {quote}{value}{quote}\n"));
}

/// The manual page of all settings, in Markdown.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    for chapter in CHAPTERS {
        put(&mut text, format_args!("\n## {}\n", chapter.title));
        for setting in chapter.settings {
            reference_setting(&mut text, setting);
        }
    }
    old_names(&mut text);
    text
}

fn reference_setting(text: &mut String, setting: &Setting) {
    let name = match setting.shape {
        Shape::Once => setting.name.to_owned(),
        Shape::Numbered(_) => format!("{}N", setting.name),
        Shape::OnceAndNumbered(_) => format!("{0}, {0}N", setting.name),
    };
    put(text, format_args!("\n### {name}\n\n"));
    for line in wrapped(&setting.description(), 116) {
        put(text, format_args!("{line}\n"));
    }
    text.push('\n');
    for fact in facts(setting) {
        put(text, format_args!("* {fact}\n"));
    }
    let default = setting.show_default(Style::Units);
    let default = if default.is_empty() { "empty".to_owned() } else { format!("`{default}`") };
    put(text, format_args!("* Default: {default}\n"));
}

/// What there is to know about a setting beside what it does.
fn facts(setting: &Setting) -> Vec<String> {
    let mut facts = vec![format!("Takes: {}", setting.allowed())];
    match setting.shape {
        Shape::Once => {}
        Shape::Numbered(last) => facts.push(format!("N is from 0 to {last}")),
        Shape::OnceAndNumbered(last) => {
            facts.push(format!("With N, from 0 to {last}, for that node alone"));
        }
    }
    let when = match setting.when {
        When::Start => "at start",
        When::NewNode => "at reload for a node that was not in use before, otherwise at start",
        When::Reload => "at reload",
        When::Session => "at reload, or in one session with PGPOOL SET",
    };
    facts.push(format!("Changes: {when}"));
    if !setting.former.is_empty() {
        facts.push(format!("Formerly: {}", setting.former.join(", ")));
    }
    match setting.state {
        State::Works => {}
        State::Waits(feature) => {
            facts.push(format!("Without effect for now: pgherd does not do {} yet", feature.what()));
        }
        State::Unneeded(why) => facts.push(format!("Without effect: {why}")),
    }
    facts
}

/// The old names that are more than another name for one setting.
fn old_names(text: &mut String) {
    text.push_str("\n## Other names of old releases\n\n| name | is read as |\n|---|---|\n");
    for old in old::NAMES {
        let meaning = match old.fate {
            Fate::Renamed { to, shift: 0 } => format!("`{to}0`"),
            Fate::Renamed { to, .. } => format!("`{to}` with the next number"),
            Fate::Converted { to, .. } => format!("a value of `{to}`"),
            Fate::ClusteringMode => "part of `backend_clustering_mode`".to_owned(),
            Fate::Gone { was: Some(was) } => format!("nothing; it switched on {was}"),
            Fate::Gone { was: None } => "nothing".to_owned(),
        };
        let number = if old.is_numbered { "N" } else { "" };
        put(text, format_args!("| `{}{number}` | {meaning} |\n", old.name));
    }
}

/// Appends to a text, which cannot fail.
fn put(text: &mut String, what: core::fmt::Arguments<'_>) {
    let Ok(()) = text.write_fmt(what) else { return };
}

/// Breaks a paragraph into lines of at most `width` characters, where its words allow it.
fn wrapped(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

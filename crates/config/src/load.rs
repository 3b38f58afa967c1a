//! From files to settings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::check;
use crate::kind::Offence;
use crate::names::{self, Meaning};
use crate::nearest::nearest;
use crate::old::{Fate, Old, OldMode};
use crate::problem::{Problem, Severity, may_hold_secret, shown};
use crate::problems::Problems;
use crate::setting::{Setting, State};
use crate::settings::{self, Settings};
use crate::source::{Assigned, Include, Place, Sources};

/// What files say.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The settings. Where a problem is an error, the setting has its default, so look at the problems first.
    pub settings: Settings,
    /// All problems of all files, in the order of their places.
    pub problems: Vec<Problem>,
    /// Where each setting got its value, by its name with its number.
    places: BTreeMap<String, (PathBuf, u32)>,
}

impl Loaded {
    /// The file and the line, from 1, that give a setting its value; `None` when no file does.
    pub fn place(&self, name: &str) -> Option<(&Path, u32)> {
        self.places.get(name).map(|(file, line)| (file.as_path(), *line))
    }

    /// The problems because of which the settings must not be used.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// True when there is no error; warnings may be there.
    pub fn is_usable(&self) -> bool {
        self.errors().next().is_none()
    }
}

/// Reads a configuration file, whose text the caller has read already, and the files that it includes.
pub fn load(path: &Path, text: &[u8], files: &dyn Include) -> Loaded {
    let sources = Sources::read(path, text, files);
    let mut loader = Loader { problems: sources.problems, ..Loader::default() };
    for assigned in sources.assigned {
        loader.collect(assigned);
    }
    loader.clustering_mode();
    loader.apply();
    loader.note_idle();
    check::check(path, &loader.settings, &loader.set_at, &mut loader.problems);
    let places = loader.places();
    Loaded { settings: loader.settings, problems: loader.problems.in_order_of_places(), places }
}

/// Unknown names for which a known one is looked for: a file with more is no configuration file.
const SUGGESTIONS: usize = 100;

/// Where each setting got its value, by name and number.
pub(crate) type SetAt = BTreeMap<(&'static str, Option<u8>), Place>;

/// A value on its way to a setting.
struct Entry {
    setting: &'static Setting,
    index: Option<u8>,
    /// The value, under the name that was written.
    assigned: Assigned,
    /// Whether it was written under the setting's present name.
    is_current: bool,
}

#[derive(Default)]
struct Loader {
    settings: Settings,
    defaults: Settings,
    problems: Problems,
    entries: Vec<Entry>,
    old_mode: Option<(OldMode, Place)>,
    set_at: SetAt,
    unknown_names: usize,
}

impl Loader {
    fn warn(&mut self, place: &Place, message: String, hint: String) {
        self.problems.push(place.problem(Severity::Warning, message, hint));
    }

    fn error(&mut self, place: &Place, message: String, hint: String) {
        self.problems.push(place.problem(Severity::Error, message, hint));
    }

    /// Finds out which setting a value is for.
    fn collect(&mut self, assigned: Assigned) {
        let name = assigned.name.as_str();
        let place = assigned.name_place.clone();
        match names::meaning(name) {
            Meaning::Current(setting, index) => self.entry(setting, index, assigned, true),
            Meaning::Former(setting, index) => self.entry(setting, index, assigned, false),
            Meaning::Old(old, index) => self.old(old, index, assigned),
            Meaning::WithoutNumber(setting) => {
                let message = format!("{} needs a number and is ignored without one", setting.name);
                self.warn(&place, message, format!("write {name}0 for the first one"));
            }
            Meaning::NumberTooGreat(setting, last) => self.number_too_great(setting, last, &assigned),
            Meaning::Unknown => {
                self.unknown_names += 1;
                let is_few = self.unknown_names <= SUGGESTIONS;
                let hint = match is_few.then(|| nearest(name)).flatten() {
                    Some(known) => format!("did you mean {known}?"),
                    None => "remove the line; docs/configuration.md lists all settings".to_owned(),
                };
                self.warn(&place, format!("there is no setting {}; it is ignored", shown(name)), hint);
            }
        }
    }

    fn entry(&mut self, setting: &'static Setting, index: Option<u8>, assigned: Assigned, is_current: bool) {
        self.entries.push(Entry { setting, index, assigned, is_current });
    }

    fn old(&mut self, old: &'static Old, index: Option<u8>, assigned: Assigned) {
        match old.fate {
            Fate::Gone { was } => self.gone(old, was, &assigned),
            Fate::ClusteringMode => {
                let place = assigned.name_place.clone();
                let (mode, _) = self.old_mode.get_or_insert_with(|| (OldMode::default(), place));
                mode.set(old.name, &assigned.value);
            }
            Fate::Renamed { to, shift } => {
                let index = index.unwrap_or(0).saturating_add(shift);
                match settings::find(to).map(|setting| (setting, setting.shape.last_index())) {
                    Some((setting, Some(last))) if index > last => {
                        self.number_too_great(setting, last, &assigned);
                    }
                    Some((setting, _)) => self.entry(setting, Some(index), assigned, false),
                    None => {}
                }
            }
            Fate::Converted { to, convert } => {
                if let (Some(setting), Some(value)) = (settings::find(to), convert(&assigned.value)) {
                    self.entry(setting, None, Assigned { value, ..assigned }, false);
                }
            }
        }
    }

    fn number_too_great(&mut self, setting: &Setting, last: u8, assigned: &Assigned) {
        let message = format!("the number in {} is too great", shown(&assigned.name));
        let hint = format!("{} takes the numbers 0 to {last}", setting.name);
        self.error(&assigned.name_place, message, hint);
    }

    /// A setting of old that nobody misses, unless it was on.
    fn gone(&mut self, old: &Old, was: Option<&str>, assigned: &Assigned) {
        if let Some(was) = was.filter(|_| crate::kind::read_switch(&assigned.value) != Some(false)) {
            let message = format!("{} is ignored; it switched on {was}", old.name);
            self.warn(&assigned.name_place, message, "remove the line".to_owned());
        }
    }

    /// Makes one value of the three settings that releases before 4.2 had for the clustering mode.
    fn clustering_mode(&mut self) {
        const NAME: &str = "backend_clustering_mode";
        let Some((mode, place)) = self.old_mode.take() else { return };
        let word = mode.word();
        let is_set = self.entries.iter().any(|entry| entry.setting.name == NAME);
        if is_set && word == "raw" {
            return;
        }
        if is_set {
            let message =
                format!("the old settings for the clustering mode are ignored because {NAME} is set");
            return self.warn(&place, message, "remove them".to_owned());
        }
        let message = format!(
            "replication_mode, master_slave_mode and master_slave_sub_mode are old; {NAME} = '{word}' is used"
        );
        self.warn(&place, message, format!("write {NAME} = '{word}' in their place"));
        let assigned = Assigned {
            name: NAME.to_owned(),
            value: word.to_owned(),
            name_place: place.clone(),
            value_place: place,
        };
        if let Some(setting) = settings::find(NAME) {
            self.entry(setting, None, assigned, true);
        }
    }

    /// Gives each setting its value: the last one counts, a present name more than an old one, and what is for
    /// one node more than what is for all.
    fn apply(&mut self) {
        let mut entries = core::mem::take(&mut self.entries);
        entries.sort_by_key(|entry| entry.index.is_some());
        let current: BTreeSet<_> =
            entries.iter().filter(|one| one.is_current).map(|one| (one.setting.name, one.index)).collect();
        for entry in &entries {
            let is_outdone = !entry.is_current && current.contains(&(entry.setting.name, entry.index));
            if !is_outdone {
                self.apply_one(entry);
            }
        }
        for entry in entries.iter().filter(|entry| !entry.is_current) {
            self.note_old_name(entry, current.contains(&(entry.setting.name, entry.index)));
        }
    }

    /// Says what to write instead of an old name, unless the line can as well go.
    fn note_old_name(&mut self, entry: &Entry, is_outdone: bool) {
        let name = entry.setting.full_name(entry.index);
        let place = &entry.assigned.name_place;
        let old = &entry.assigned.name;
        if is_outdone {
            let message = format!("{old}, the old name of {name}, is ignored because {name} is set too");
            self.warn(place, message, "remove the line".to_owned());
        } else if self.matters(entry.setting, entry.index) {
            let hint =
                format!("write {} in its place", assignment(entry.setting, &name, &entry.assigned.value));
            self.warn(place, format!("{old} is an old name of {name}"), hint);
        }
    }

    /// True unless the setting has its default anyway, or belongs to something that is switched off.
    fn matters(&self, setting: &Setting, index: Option<u8>) -> bool {
        let is_wanted = match setting.state {
            State::Works | State::Unneeded(_) => true,
            State::Waits(feature) => feature.is_wanted(&self.settings),
        };
        is_wanted && !(setting.access.same)(&self.settings, &self.defaults, index)
    }

    fn apply_one(&mut self, entry: &Entry) {
        let Entry { setting, index, assigned, .. } = entry;
        let (value, place) = (&assigned.value, &assigned.value_place);
        let sentence = |offence: &Offence| {
            let what = &offence.what;
            if setting.is_secret() || may_hold_secret(value) {
                format!("the value of {} {what}", assigned.name)
            } else {
                format!("{} = '{}' {what}", assigned.name, shown(value))
            }
        };
        match (setting.access.read)(&mut self.settings, *index, value) {
            Ok(read) => {
                self.set_at.insert((setting.name, *index), assigned.name_place.clone());
                if let Some(doubt) = read.doubt {
                    self.warn(place, sentence(&doubt), doubt.hint);
                }
            }
            Err(offence) => self.error(place, sentence(&offence), offence.hint),
        }
    }

    fn places(&self) -> BTreeMap<String, (PathBuf, u32)> {
        let named = |(&(base, index), place): (&(&'static str, Option<u8>), &Place)| {
            let name = settings::find(base)?.full_name(index);
            Some((name, (place.file.to_path_buf(), place.at.line)))
        };
        self.set_at.iter().filter_map(named).collect()
    }

    /// Says of each setting that does nothing, yet or ever, that it does not, if its value asks for something.
    fn note_idle(&mut self) {
        let mut told = BTreeSet::new();
        for (&(base, index), place) in &self.set_at {
            let Some(setting) = settings::find(base) else { continue };
            let name = setting.full_name(index);
            let (message, hint) = match setting.state {
                State::Works => continue,
                State::Waits(feature) => {
                    let what = feature.what();
                    (format!("{name} is set, but pgherd does not do {what} yet"), "it has no effect for now")
                }
                State::Unneeded(why) => (format!("{name} has no effect: {why}"), "remove the line"),
            };
            if self.matters(setting, index) && told.insert(base) {
                self.problems.push(place.problem(Severity::Warning, message, hint.to_owned()));
            }
        }
    }
}

/// An assignment to show as an example. Passwords are left to the reader.
fn assignment(setting: &Setting, name: &str, value: &str) -> String {
    let is_hidden = !value.is_empty() && (setting.is_secret() || may_hold_secret(value));
    let value = if is_hidden { "...".to_owned() } else { shown(value) };
    if (setting.access.is_quoted)() { format!("{name} = '{value}'") } else { format!("{name} = {value}") }
}

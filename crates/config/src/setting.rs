use crate::feature::Feature;
use crate::kind::{Style, Verdict};
use crate::settings::Settings;

/// When a new value of a setting takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When pgherd starts; a reload keeps the old value and says so.
    Start,
    /// With a reload, but only for a node that was not in use before; otherwise at start.
    NewNode,
    /// With a reload.
    Reload,
    /// With a reload, or for one session with `PGPOOL SET`.
    Session,
}

/// Whether a setting does anything yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what the manual says.
    Works,
    /// It is read and checked, and has no effect until pgherd has this feature.
    Waits(Feature),
    /// It is read and checked, and will never have an effect, for this reason.
    Unneeded(&'static str),
}

/// How a setting's name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Without a number.
    Once,
    /// With a number behind it, from 0 to this one.
    Numbered(u8),
    /// Without a number for all nodes, with one, from 0 to this one, for a single node.
    OnceAndNumbered(u8),
}

impl Shape {
    /// The greatest number that may stand behind the name.
    pub fn last_index(self) -> Option<u8> {
        match self {
            Shape::Once => None,
            Shape::Numbered(last) | Shape::OnceAndNumbered(last) => Some(last),
        }
    }

    /// True when the name may stand without a number.
    pub fn is_plain(self) -> bool {
        match self {
            Shape::Once | Shape::OnceAndNumbered(_) => true,
            Shape::Numbered(_) => false,
        }
    }
}

/// One setting: all that is known of it, made from its one declaration in `sections/`.
pub struct Setting {
    /// Its name, without a number.
    pub name: &'static str,
    /// How the name is written.
    pub shape: Shape,
    /// What it does, in a paragraph. Lines as in the source.
    pub(crate) doc: &'static str,
    /// Its former names that mean exactly the same.
    pub former: &'static [&'static str],
    /// When it may change.
    pub when: When,
    /// Whether it does anything yet.
    pub state: State,
    pub(crate) access: Access,
}

/// The typed half of a setting, behind functions that know its type.
pub(crate) struct Access {
    pub(crate) read: fn(&mut Settings, Option<u8>, &str) -> Verdict<()>,
    pub(crate) show: fn(&Settings, Option<u8>, Style) -> String,
    pub(crate) show_default: fn(Style) -> String,
    pub(crate) numbers: fn(&Settings) -> Vec<u8>,
    pub(crate) same: fn(&Settings, &Settings, Option<u8>) -> bool,
    pub(crate) copy: fn(from: &Settings, to: &mut Settings, Option<u8>),
    pub(crate) allowed: fn() -> String,
    pub(crate) is_secret: fn() -> bool,
    pub(crate) is_quoted: fn() -> bool,
}

impl Setting {
    /// Its value, as text. Of a node that is not configured, the default.
    pub fn show(&self, settings: &Settings, index: Option<u8>, style: Style) -> String {
        (self.access.show)(settings, index, style)
    }

    /// Its default, as text.
    pub fn show_default(&self, style: Style) -> String {
        (self.access.show_default)(style)
    }

    /// What may be written.
    pub fn allowed(&self) -> String {
        (self.access.allowed)()
    }

    /// True when its value must not be shown to anybody.
    pub fn is_secret(&self) -> bool {
        (self.access.is_secret)()
    }

    /// The numbers under which it has a value, ascending. Empty for a setting without a number.
    pub fn numbers(&self, settings: &Settings) -> Vec<u8> {
        (self.access.numbers)(settings)
    }

    /// What it does, as one line.
    pub fn description(&self) -> String {
        self.doc.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The first sentence of [`Setting::description`], without its full stop.
    pub fn summary(&self) -> String {
        let description = self.description();
        let end = description.find(". ").unwrap_or(description.len());
        description.get(..end).unwrap_or_default().trim_end_matches('.').to_owned()
    }

    /// The name with its number.
    pub fn full_name(&self, index: Option<u8>) -> String {
        match index {
            Some(index) => format!("{}{index}", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// Some settings that belong together: a struct of their values, and where it is in [`Settings`].
pub(crate) trait Section: Default {
    const SHAPE: Shape;
    fn of(settings: &Settings, index: Option<u8>) -> Option<&Self>;
    fn of_mut(settings: &mut Settings, index: Option<u8>) -> &mut Self;
    /// The numbers under which there are values, ascending.
    fn numbers(settings: &Settings) -> Vec<u8>;
}

/// Declares the settings of a section: a struct with a field for each, its defaults, and `SETTINGS`, the
/// table of them. A field's line is `name: type = default, kind, when, state`, then `former "old name"` for
/// each name that it once had. The field's documentation is the manual's paragraph.
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $section:ident {
            $(
                $(#[doc = $doc:literal])+
                $name:ident : $type:ty = $default:expr, $kind:expr, $when:ident, $state:expr
                $(, former $former:literal)* ;
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $section {
            $( $(#[doc = $doc])+ pub $name: $type, )+
        }

        impl Default for $section {
            fn default() -> Self {
                $section { $( $name: $default, )+ }
            }
        }

        impl $section {
            pub(crate) const SETTINGS: &'static [$crate::setting::Setting] = &[ $(
                $crate::setting::Setting {
                    name: stringify!($name),
                    shape: <Self as $crate::setting::Section>::SHAPE,
                    doc: concat!($($doc, "\n"),+),
                    former: &[$($former),*],
                    when: $crate::setting::When::$when,
                    state: $state,
                    access: $crate::setting::access!($section, $name, $type, $kind),
                },
            )+ ];
        }
    };
}

/// The typed half of one setting.
macro_rules! access {
    ($section:ident, $name:ident, $type:ty, $kind:expr) => {
        $crate::setting::Access {
            read: |settings, index, text| {
                let read = $crate::kind::Kind::<$type>::read(&$kind, text)?;
                <$section as $crate::setting::Section>::of_mut(settings, index).$name = read.value;
                Ok($crate::kind::Read { value: (), doubt: read.doubt })
            },
            show: |settings, index, style| {
                let show =
                    |section: &$section| $crate::kind::Kind::<$type>::show(&$kind, &section.$name, style);
                match <$section as $crate::setting::Section>::of(settings, index) {
                    Some(section) => show(section),
                    None => show(&$section::default()),
                }
            },
            show_default: |style| {
                $crate::kind::Kind::<$type>::show(&$kind, &$section::default().$name, style)
            },
            numbers: <$section as $crate::setting::Section>::numbers,
            same: |one, other, index| {
                let section = |settings| <$section as $crate::setting::Section>::of(settings, index);
                match (section(one), section(other)) {
                    (Some(one), Some(other)) => one.$name == other.$name,
                    (Some(lone), None) | (None, Some(lone)) => lone.$name == $section::default().$name,
                    (None, None) => true,
                }
            },
            copy: |from, to, index| {
                let value = match <$section as $crate::setting::Section>::of(from, index) {
                    Some(section) => section.$name.clone(),
                    None => $section::default().$name,
                };
                <$section as $crate::setting::Section>::of_mut(to, index).$name = value;
            },
            allowed: || $crate::kind::Kind::<$type>::allowed(&$kind),
            is_secret: || $crate::kind::Kind::<$type>::is_secret(&$kind),
            is_quoted: || $crate::kind::Kind::<$type>::is_quoted(&$kind),
        }
    };
}

pub(crate) use {access, section};

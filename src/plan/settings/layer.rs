//! Layers of settings: the command line over a config file. [`options!`] declares a struct of options once, and derives the
//! command line, the file's keys and the precedence between both from it.

use serde_json::{Map, Value};

/// One option, or a group of options, that may be absent.
pub(super) trait Layer {
    /// `self` if it is set, else `below`.
    #[must_use]
    fn over(self, below: Self) -> Self;

    /// Adds the keys of a config file that set it, spelled with `-`. A single option is set by its own `name`.
    fn add_keys(name: &str, keys: &mut Vec<String>) {
        keys.push(name.replace('_', "-"));
    }
}

impl<T> Layer for Option<T> {
    fn over(self, below: Self) -> Self {
        self.or(below)
    }
}

impl<T> Layer for Vec<T> {
    fn over(self, below: Self) -> Self {
        if self.is_empty() { below } else { self }
    }
}

/// A part of a config file that is kept without a key of its own.
impl Layer for Map<String, Value> {
    fn over(self, below: Self) -> Self {
        if self.is_empty() { below } else { self }
    }
    fn add_keys(_name: &str, _keys: &mut Vec<String>) {}
}

/// A remark about a config file, without a key of its own.
impl Layer for bool {
    fn over(self, below: Self) -> Self {
        self || below
    }
    fn add_keys(_name: &str, _keys: &mut Vec<String>) {}
}

/// Declares a struct of options. Every field must be a [`Layer`]. `#[arg(..)]` and `#[command(..)]` are clap's; they, and
/// clap itself, only exist with the cargo feature `cli`. `#[switch(HEADING)]` declares a boolean: `--name` or `--name=BOOL`.
macro_rules! options {
    (
        $(#[doc = $about:literal])*
        $(#[allow($($lint:tt)*)])?
        $(#[derive($($derive:tt)*)])?
        $visibility:vis struct $name:ident {
            $(
                $(#[doc = $help:literal])*
                $(#[arg($($arg:tt)*)])?
                $(#[switch($heading:expr)])?
                $(#[command($($command:tt)*)])?
                $(#[serde($($serde:tt)*)])?
                pub $field:ident: $type:ty,
            )*
        }
    ) => {
        $(#[doc = $about])*
        $(#[allow($($lint)*)])?
        $(#[derive($($derive)*)])?
        #[derive(Debug, Clone, Default, serde::Deserialize)]
        #[cfg_attr(feature = "cli", derive(clap::Args))]
        #[serde(rename_all = "kebab-case", default)]
        $visibility struct $name {
            $(
                $(#[doc = $help])*
                $(#[cfg_attr(feature = "cli", arg($($arg)*))])?
                $(#[cfg_attr(feature = "cli", arg(
                    long,
                    num_args = 0..=1,
                    default_missing_value = "true",
                    value_name = "BOOL",
                    hide_possible_values = true,
                    require_equals = true,
                    help_heading = $heading,
                ))])?
                $(#[cfg_attr(feature = "cli", command($($command)*))])?
                $(#[serde($($serde)*)])?
                pub $field: $type,
            )*
        }

        impl $name {
            /// These options where they are set, else those of `file`.
            #[must_use]
            pub fn over(self, file: $name) -> $name {
                $name { $($field: $crate::plan::settings::layer::Layer::over(self.$field, file.$field),)* }
            }
        }

        impl $crate::plan::settings::layer::Layer for $name {
            fn over(self, file: $name) -> $name {
                $name::over(self, file)
            }
            fn add_keys(_name: &str, keys: &mut Vec<String>) {
                $(<$type as $crate::plan::settings::layer::Layer>::add_keys(stringify!($field), keys);)*
            }
        }
    };
}

pub(super) use options;

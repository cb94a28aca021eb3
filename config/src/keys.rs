//! The words in which `options.rs` says what may stand in the file.
//!
//! A [`Section`] is a table of the file, a [`Key`] one entry of it. The reader takes types, ranges,
//! defaults and spelling from here, and so does the schema: neither can know a key that the other
//! does not.

/// A table of the file.
pub(crate) struct Section {
    /// What may stand in it.
    pub(crate) keys: &'static [Key],
    /// What is promised for it, but not here yet.
    pub(crate) later: &'static [Later],
}

/// One entry of a table.
pub(crate) struct Key {
    /// How it is written.
    pub(crate) name: &'static str,
    /// What its value must be.
    pub(crate) kind: Kind,
    /// Whether it must be there, and what holds when it is not.
    pub(crate) presence: Presence,
    /// What it is for, in half a sentence.
    pub(crate) doc: &'static str,
    /// Values that are promised for it, but not here yet.
    pub(crate) later: &'static [Later],
}

/// Something that the contract knows and this version does not do.
pub(crate) struct Later {
    /// The key or the value.
    pub(crate) name: &'static str,
    /// What to do meanwhile, as a command.
    pub(crate) instead: &'static str,
}

/// What holds when a key is absent. All texts are TOML values.
pub(crate) enum Presence {
    /// It must be there; this is an example.
    Required(&'static str),
    /// It may be absent; this is an example.
    Optional(&'static str),
    /// It may be absent; then this holds.
    Default(&'static str),
}

/// What a value must be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A string that is not empty.
    Text,
    /// A listening address.
    Address,
    /// An absolute URL of http or https.
    Url,
    /// Several of them.
    Urls,
    /// Origins of web pages: scheme, host and port.
    WebOrigins,
    /// Names of header fields.
    FieldNames,
    /// What callers' paths start with.
    Prefix,
    /// A file that can be read and is not empty.
    File,
    /// The same, but its value is never shown: it may be the secret itself, by mistake.
    SecretFile,
    /// The same, and other users of the machine may well be allowed to read it.
    TokenFile,
    /// The same as a secret file, but not text.
    KeyStore,
    /// A file that the gateway makes and writes; its folder is there.
    OwnFile,
    /// A folder that the gateway makes and writes into; the folder that it is in is there.
    OwnFolder,
    /// A host, a colon and a port.
    HostAndPort,
    /// A table of strings under names that are the operator's.
    Parameters,
    /// A day, `2027-01-31`.
    Date,
    /// A boolean.
    Flag,
    /// A number of seconds, not less than this and not more than a day.
    Seconds(f64),
    /// An integer from the first to the second, both included.
    Count(u64, u64),
    /// One of these words, after what they are called.
    OneOf(&'static str, Names),
    /// Some of these words, each once.
    ManyOf(&'static str, Names),
    /// The same, or none.
    AnyOf(&'static str, Names),
    /// Host names or addresses.
    Hosts,
    /// Strings that are not empty, each once.
    Texts,
    /// A string that is not empty, or several, each once.
    TextOrTexts,
    /// Paths of files that can be read and are not empty.
    Files,
    /// One of these words, or a table.
    WordOr(&'static [&'static str], &'static Section),
    /// A table.
    Table(&'static Section),
    /// A table, or several in an array.
    OneOrMore(&'static Section),
    /// One or more tables of an array.
    Tables(&'static Section),
    /// One table, or one or more tables each with a name.
    Named(&'static Section),
}

/// Gives the words of a closed list.
pub(crate) type Names = fn() -> Vec<&'static str>;

/// The longest time that can be set, in seconds: whoever wants more than a day wants no limit, and
/// that is not on offer.
pub(crate) const MOST_SECONDS: f64 = 86_400.0;

impl Section {
    /// The key of that name; the reader's names are literals, so a miss is a misspelt literal.
    pub(crate) fn key(&self, name: &str) -> &Key {
        self.keys
            .iter()
            .find(|key| key.name == name)
            .unwrap_or_else(|| unreachable!("the reader asks for `{name}`, which no table lists"))
    }
}

impl Key {
    /// A key that must be there.
    pub(crate) const fn required(
        name: &'static str,
        kind: Kind,
        example: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind, presence: Presence::Required(example), doc, later: &[] }
    }

    /// A key without which things go on.
    pub(crate) const fn optional(
        name: &'static str,
        kind: Kind,
        example: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind, presence: Presence::Optional(example), doc, later: &[] }
    }

    /// A key whose absence means `default`.
    pub(crate) const fn default(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind, presence: Presence::Default(default), doc, later: &[] }
    }

    /// The same key, with values that are not available yet.
    pub(crate) const fn later(mut self, later: &'static [Later]) -> Self {
        self.later = later;
        self
    }
}

impl Later {
    /// What to tell who asks for it.
    pub(crate) fn message(&self) -> String {
        format!("known, but not available in this version; {}", self.instead)
    }
}

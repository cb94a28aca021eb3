//! The little XML that a message needs. Whatever a caller may have had a hand in is escaped, bounded,
//! and rid of what XML or syslog could stumble over.

/// What stands in an attribute or an element.
#[derive(Clone, Copy)]
pub(super) enum Text<'t> {
    /// What it says; it is bounded.
    Plain(&'t str),
    /// Base64 of what was bounded before.
    Encoded(&'t str),
}

/// An attribute; absent without a value.
pub(super) type Attribute<'t> = (&'static str, Option<Text<'t>>);

/// A document that is being written.
pub(super) struct Xml<'o>(&'o mut String);

impl<'o> Xml<'o> {
    /// Begins a document.
    pub(super) fn new(out: &'o mut String) -> Self {
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        Self(out)
    }

    /// Opens an element.
    pub(super) fn open(&mut self, element: &'static str, attributes: &[Attribute<'_>]) {
        self.begin(element, attributes);
        self.0.push('>');
    }

    /// An element without content.
    pub(super) fn empty(&mut self, element: &'static str, attributes: &[Attribute<'_>]) {
        self.begin(element, attributes);
        self.0.push_str("/>");
    }

    /// Closes an element.
    pub(super) fn close(&mut self, element: &'static str) {
        self.0.push_str("</");
        self.0.push_str(element);
        self.0.push('>');
    }

    /// An element with text alone.
    pub(super) fn text(&mut self, element: &'static str, text: Text<'_>) {
        self.open(element, &[]);
        self.escaped(text);
        self.close(element);
    }

    fn begin(&mut self, element: &'static str, attributes: &[Attribute<'_>]) {
        self.0.push('<');
        self.0.push_str(element);
        for (name, value) in attributes {
            let Some(value) = *value else { continue };
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.escaped(value);
            self.0.push('"');
        }
    }

    fn escaped(&mut self, text: Text<'_>) {
        let text = match text {
            Text::Plain(text) => bounded(text),
            Text::Encoded(base64) => base64,
        };
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                // Not even by reference may XML have most of them (XML 1.0, section 2.2), and syslog
                // should have none (RFC 5424, section 6.4).
                '\u{fffe}' | '\u{ffff}' => self.0.push(char::REPLACEMENT_CHARACTER),
                _ if character.is_control() => self.0.push(char::REPLACEMENT_CHARACTER),
                _ => self.0.push(character),
            }
        }
    }
}

/// As much of `text` as a message has room for. That is an emergency's reason in any script.
pub(super) fn bounded(text: &str) -> &str {
    let end = text.char_indices().nth(TEXT_MOST).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

/// Characters of one text. Those that are escaped are of one octet, so that none of them takes more room
/// than `&quot;` does.
pub(super) const TEXT_MOST: usize = 256;

//! The grammar of HTTP/1.1 messages (RFC 9112), read to the letter.
//!
//! Written here rather than taken from hyper, because it judges what hyper wrote.

/// Field lines in their order, names as written, values without the blanks around them.
pub(crate) type Fields = Vec<(String, String)>;

/// Where the head of the message in `buffer` ends, behind its empty line.
pub(crate) fn head_end(buffer: &[u8]) -> Option<usize> {
    buffer.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The first line of a whole head, and its field lines.
pub(crate) fn head(head: &[u8]) -> Result<(&[u8], Fields), String> {
    let lines = head.strip_suffix(b"\r\n\r\n").ok_or("the head does not end in an empty line")?;
    let mut lines = Lines(Some(lines));
    let first = lines.next().ok_or("there is no first line")?;
    plain_line(first)?;
    Ok((first, lines.map(field).collect::<Result<_, _>>()?))
}

/// The values of all field lines called `name`, in whatever case.
pub(crate) fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    let same = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
    fields.iter().filter(same).map(|(_, value)| value.as_str()).collect()
}

/// Whether `bytes` is what RFC 9110 calls a token.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || TOKEN_MARKS.contains(byte))
}

/// The number of a `Content-Length`, written as numbers are.
pub(crate) fn content_length(value: &str) -> Result<u64, String> {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit())
        && (value == "0" || !value.starts_with('0'));
    let number = if plain { value.parse().ok() } else { None };
    number.ok_or_else(|| format!("Content-Length is {value:?}"))
}

/// A chunked body, decoded as far as it has arrived.
#[derive(Debug, Default)]
pub(crate) struct Chunked {
    /// The content of all chunks that have arrived whole.
    pub(crate) body: Vec<u8>,
    /// The field lines behind the last chunk.
    pub(crate) trailers: Fields,
    /// Whether the body has ended.
    pub(crate) finished: bool,
    /// How many bytes of the buffer have been decoded.
    pub(crate) decoded: usize,
}

impl Chunked {
    /// Decodes on in `buffer`, which starts where the body starts and has grown since last time.
    pub(crate) fn advance(&mut self, buffer: &[u8]) -> Result<(), String> {
        while !self.finished {
            let rest = &buffer[self.decoded..];
            let Some(line_end) = find_line_end(rest) else { return Ok(()) };
            let size = chunk_size(&rest[..line_end])?;
            let data = line_end + 2;
            if size == 0 {
                return self.end(rest, data);
            }
            let Some(chunk) = rest.get(data..data + size + 2) else { return Ok(()) };
            let content = chunk.strip_suffix(b"\r\n").ok_or("a chunk is longer than its size")?;
            self.body.extend_from_slice(content);
            self.decoded += data + size + 2;
        }
        Ok(())
    }

    fn end(&mut self, rest: &[u8], trailers: usize) -> Result<(), String> {
        if rest[trailers..].starts_with(b"\r\n") {
            self.finished = true;
            self.decoded += trailers + 2;
        } else if let Some(length) = head_end(&rest[trailers..]) {
            let lines = &rest[trailers..trailers + length - 4];
            self.trailers = Lines(Some(lines)).map(field).collect::<Result<_, _>>()?;
            self.finished = true;
            self.decoded += trailers + length;
        }
        Ok(())
    }
}

/// Lines between CRLFs; a CR or LF of its own stays in the line, for the grammar to stumble over.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let (line, after) = match find_line_end(rest) {
            Some(at) => (&rest[..at], Some(&rest[at + 2..])),
            None => (rest, None),
        };
        self.0 = after;
        Some(line)
    }
}

fn field(line: &[u8]) -> Result<(String, String), String> {
    plain_line(line)?;
    let colon =
        line.iter().position(|byte| *byte == b':').ok_or_else(|| quoted(line, "no colon"))?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return Err(quoted(line, "the name is not a token"));
    }
    let value = String::from_utf8_lossy(value);
    Ok((String::from_utf8_lossy(name).into_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

fn plain_line(line: &[u8]) -> Result<(), String> {
    let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if line.iter().any(control) { Err(quoted(line, "a control character")) } else { Ok(()) }
}

fn chunk_size(line: &[u8]) -> Result<usize, String> {
    let digits = std::str::from_utf8(line)
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let size = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok());
    size.filter(|size| *size < usize::MAX / 2).ok_or_else(|| quoted(line, "not a chunk size"))
}

fn find_line_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|window| window == b"\r\n")
}

fn quoted(line: &[u8], what: &str) -> String {
    format!("{what} in {:?}", String::from_utf8_lossy(line))
}

const TOKEN_MARKS: &[u8] = b"!#$%&'*+-.^_`|~";

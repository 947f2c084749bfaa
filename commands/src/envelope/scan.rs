//! One pass over a body: the whole grammar of JSON and the limits on top of it, without recursion.

use super::{
    MAX_DEPTH, MAX_NUMBER,
    keys::{Key, Keys},
    unreadable::{Fault, Unreadable},
};

/// A field of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    ExpectedVersion,
    OccurredAt,
    Reason,
    Data,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        match name {
            "id" => Some(Self::Id),
            "expected_version" => Some(Self::ExpectedVersion),
            "occurred_at" => Some(Self::OccurredAt),
            "reason" => Some(Self::Reason),
            "data" => Some(Self::Data),
            _ => None,
        }
    }
}

/// The JSON text of each field of the body.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>([Option<&'a str>; 5]);

impl<'a> Fields<'a> {
    pub fn get(&self, field: Field) -> Option<&'a str> {
        self.0[field as usize]
    }
}

/// Checks a whole body and finds its fields.
pub(super) fn scan(text: &str) -> Result<Fields<'_>, Unreadable> {
    let mut scan = Scan {
        text,
        at: 0,
        levels: [Level::default(); MAX_DEPTH],
        depth: 0,
        keys: Keys::new(),
        fields: Fields::default(),
        field: (Field::Data, 0),
    };
    match scan.body() {
        Ok(()) => Ok(scan.fields),
        Err(fault) => Err(fault.at(scan.pointer()).byte(scan.at)),
    }
}

/// An object or an array that is not closed yet.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    is_array: bool,
    /// Which of the keys on the stack is the object's first.
    first_key: u32,
    /// The object's key whose value is being read.
    key: Option<Key>,
    /// The array's place that is being read.
    index: u32,
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    levels: [Level; MAX_DEPTH],
    depth: usize,
    keys: Keys,
    fields: Fields<'a>,
    /// The body's field that is being read, and where its value begins.
    field: (Field, usize),
}

type Step = Result<(), Fault>;

impl Scan<'_> {
    fn body(&mut self) -> Step {
        match self.next() {
            None => return Err(Fault::Empty),
            Some(b'{') => {}
            Some(_) => return Err(Fault::NotAnObject),
        }
        loop {
            if self.value()? && self.rest()? {
                break;
            }
        }
        if self.next().is_some() { Err(Fault::TrailingText) } else { Ok(()) }
    }

    /// Reads a value, or the opening of one that is not empty; true when it is complete.
    fn value(&mut self) -> Result<bool, Fault> {
        match self.next() {
            Some(b'{') => self.open(false)?,
            Some(b'[') => self.open(true)?,
            Some(b'"') => return self.string().map(|_| true),
            Some(b'-' | b'0'..=b'9') => return self.number().map(|()| true),
            Some(b't') => return self.word("true").map(|()| true),
            Some(b'f') => return self.word("false").map(|()| true),
            Some(b'n') => return self.word("null").map(|()| true),
            Some(b'N' | b'I') => return Err(Fault::NumberOutOfRange),
            _ => return Err(Fault::Syntax { expected: "a value" }),
        }
        match (self.top().is_array, self.next()) {
            (true, Some(b']')) | (false, Some(b'}')) => self.close().map(|()| true),
            (true, _) => Ok(false),
            (false, _) => self.key().map(|()| false),
        }
    }

    /// After a value: closes what ends here, up to the next value (false) or the end (true).
    fn rest(&mut self) -> Result<bool, Fault> {
        while self.depth > 0 {
            if self.depth == 1 {
                let (field, from) = self.field;
                self.fields.0[field as usize] = self.text.get(from..self.at);
            }
            match (self.top().is_array, self.next()) {
                (true, Some(b',')) => {
                    self.at += 1;
                    self.top().index += 1;
                    return Ok(false);
                }
                (false, Some(b',')) => {
                    self.at += 1;
                    self.top().key = None;
                    return self.key().map(|()| false);
                }
                (true, Some(b']')) | (false, Some(b'}')) => self.close()?,
                (true, _) => return Err(Fault::Syntax { expected: "`,` or `]`" }),
                (false, _) => return Err(Fault::Syntax { expected: "`,` or `}`" }),
            }
        }
        Ok(true)
    }

    fn open(&mut self, is_array: bool) -> Step {
        let first_key = self.keys.len() as u32;
        let level = self.levels.get_mut(self.depth).ok_or(Fault::TooDeep)?;
        *level = Level { is_array, first_key, key: None, index: 0 };
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Step {
        let level = *self.top();
        if !level.is_array
            && let Some(twice) = self.keys.close(level.first_key as usize, self.text)
        {
            self.top().key = Some(twice);
            self.at = twice.from as usize;
            return Err(Fault::DuplicateKey);
        }
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Step {
        if self.next() != Some(b'"') {
            return Err(Fault::Syntax { expected: "a key in quotation marks" });
        }
        let key = self.string()?;
        self.keys.push(key);
        self.top().key = Some(key);
        if self.next() != Some(b':') {
            return Err(Fault::Syntax { expected: "`:`" });
        }
        self.at += 1;
        if self.depth == 1 {
            let field = Field::named(&key.name(self.text)).ok_or(Fault::UnknownField)?;
            self.next();
            self.field = (field, self.at);
        }
        Ok(())
    }

    /// Reads a string and says where its content stands.
    fn string(&mut self) -> Result<Key, Fault> {
        let bytes = self.text.as_bytes();
        self.at += 1;
        let from = self.at as u32;
        let mut escaped = false;
        loop {
            while bytes.get(self.at).is_some_and(|byte| PLAIN[*byte as usize]) {
                self.at += 1;
            }
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Key { from, to: self.at as u32 - 1, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0) => return Err(Fault::NulCharacter),
                Some(_) => return Err(Fault::Syntax { expected: "an escaped control character" }),
                None => return Err(Fault::Syntax { expected: "`\"`" }),
            }
        }
    }

    fn escape(&mut self) -> Step {
        match self.text.as_bytes().get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                return Ok(());
            }
            Some(b'u') => {}
            _ => return Err(Fault::Syntax { expected: "an escape" }),
        }
        match self.unit(self.at)? {
            0 => Err(Fault::NulCharacter),
            0xDC00..=0xDFFF => Err(Fault::LoneSurrogate),
            0xD800..=0xDBFF => {
                let low = self.text.as_bytes().get(self.at + 6..self.at + 8) == Some(b"\\u");
                if !low || !matches!(self.unit(self.at + 6)?, 0xDC00..=0xDFFF) {
                    return Err(Fault::LoneSurrogate);
                }
                self.at += 12;
                Ok(())
            }
            _ => {
                self.at += 6;
                Ok(())
            }
        }
    }

    /// The UTF-16 unit of the `\uXXXX` that begins at a byte.
    fn unit(&self, at: usize) -> Result<u32, Fault> {
        const NOT_HEX: Fault = Fault::Syntax { expected: "four hexadecimal digits" };
        let digits = self.text.as_bytes().get(at + 2..at + 6).ok_or(NOT_HEX)?;
        digits.iter().try_fold(0, |unit, digit| {
            Ok(unit * 16 + (*digit as char).to_digit(16).ok_or(NOT_HEX)?)
        })
    }

    fn number(&mut self) -> Step {
        const DIGIT: Fault = Fault::Syntax { expected: "a digit" };
        let from = self.at;
        let negative = self.skip(b"-");
        let whole = self.at;
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            Some(b'I') => return Err(Fault::NumberOutOfRange),
            _ => return Err(DIGIT),
        }
        let end_of_whole = self.at;
        if self.skip(b".") && !self.some_digits() {
            return Err(DIGIT);
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            if !self.some_digits() {
                return Err(DIGIT);
            }
        }
        let is_small = end_of_whole - whole <= 15;
        if self.at == end_of_whole && is_small && !negative {
            return Ok(());
        }
        let literal = self.text.get(from..self.at).unwrap_or_default();
        if survives(literal) {
            Ok(())
        } else {
            self.at = from;
            Err(Fault::NumberOutOfRange)
        }
    }

    fn digits(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> bool {
        let from = self.at;
        self.digits();
        self.at > from
    }

    fn skip(&mut self, any_of: &[u8]) -> bool {
        let there = self.byte().is_some_and(|byte| any_of.contains(&byte));
        self.at += usize::from(there);
        there
    }

    fn word(&mut self, word: &'static str) -> Step {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) != Some(word.as_bytes()) {
            return Err(Fault::Syntax { expected: "a value" });
        }
        self.at = end;
        Ok(())
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space, which stays unread.
    fn next(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.byte()
    }

    /// The innermost object or array; only asked while there is one.
    fn top(&mut self) -> &mut Level {
        &mut self.levels[self.depth.saturating_sub(1)]
    }

    /// Where the scan is, as a JSON pointer (RFC 6901). Long keys are cut.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for level in &self.levels[..self.depth] {
            if level.is_array {
                pointer.push_str(&format!("/{}", level.index));
            } else if let Some(key) = level.key {
                pointer.push('/');
                let name = key.name(self.text);
                for letter in name.chars().take(MAX_KEY_SHOWN) {
                    match letter {
                        '~' => pointer.push_str("~0"),
                        '/' => pointer.push_str("~1"),
                        _ => pointer.push(letter),
                    }
                }
            }
        }
        pointer
    }
}

const MAX_KEY_SHOWN: usize = 64;

/// Bytes that stand for themselves inside of a string.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

/// Whether a number means the same after it was a double.
fn survives(literal: &str) -> bool {
    let Ok(number) = literal.parse::<f64>() else {
        return false;
    };
    if number == 0.0 {
        let mantissa = literal.split(['e', 'E']).next().unwrap_or_default();
        return !mantissa.bytes().any(|byte| matches!(byte, b'-' | b'1'..=b'9'));
    }
    number.abs() <= MAX_NUMBER
}

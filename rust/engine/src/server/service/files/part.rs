//! The part of a file that a client asked for (RFC 9110 section 14).

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// From the first of these bytes to the one before the last.
    Some {
        from: u64,
        to: u64,
    },
    /// What was asked for is beyond the end.
    Nothing,
}

impl Part {
    /// From the value of `Range`. What is not understood, or is more than one range, is left unheeded, as the RFC allows.
    pub fn of(range: Option<&str>, size: u64) -> Self {
        let Some((first, last)) = range.and_then(single) else { return Self::Whole };
        match (number(first), number(last)) {
            (Some(from), Some(last)) if from <= last && from < size => {
                Self::Some { from, to: size.min(last.saturating_add(1)) }
            }
            (Some(from), None) if last.is_empty() && from < size => Self::Some { from, to: size },
            (None, Some(count)) if first.is_empty() && count > 0 && size > 0 => {
                Self::Some { from: size.saturating_sub(count), to: size }
            }
            (Some(from), Some(last)) if from <= last => Self::Nothing,
            (Some(_), None) if last.is_empty() => Self::Nothing,
            (None, Some(_)) if first.is_empty() => Self::Nothing,
            _ => Self::Whole,
        }
    }
}

/// The two sides of one range of bytes.
fn single(range: &str) -> Option<(&str, &str)> {
    let (unit, ranges) = range.split_once('=')?;
    let (first, last) = ranges.trim().split_once('-')?;
    (unit.trim().eq_ignore_ascii_case("bytes") && !ranges.contains(',')).then_some((first, last))
}

/// Only digits: `parse` alone would take a sign. A number beyond all files is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part_and_anything_else_is_the_whole() {
        let part = |range: &str| Part::of(Some(range), 10);
        let some = |from, to| Part::Some { from, to };
        assert_eq!((part("bytes=0-0"), part("bytes=2-5"), part("Bytes=9-")), (some(0, 1), some(2, 6), some(9, 10)));
        assert_eq!((part("bytes=-3"), part("bytes=-30"), part("bytes=4-400")), (some(7, 10), some(0, 10), some(4, 10)));
        assert_eq!(part("bytes=4-99999999999999999999999"), some(4, 10));
        for nothing in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(part(nothing), Part::Nothing, "{nothing}");
        }
        for whole in
            ["bytes=5-4", "bytes=0-1,3-4", "bytes=", "bytes=-", "bytes=a-b", "bytes=+1-2", "lines=0-1", "0-1", ""]
        {
            assert_eq!(part(whole), Part::Whole, "{whole}");
        }
        assert_eq!(Part::of(None, 10), Part::Whole);
        assert_eq!((Part::of(Some("bytes=0-"), 0), Part::of(Some("bytes=-1"), 0)), (Part::Nothing, Part::Nothing));
    }
}

//! Pages of lists: `Marker` and `MaxItems` in, `IsTruncated` and `Marker` out.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::IamError;

/// AWS: `MaxItems`, "the default is 100".
const ITEMS_DEFAULT: usize = 100;

/// Which page is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PageRequest {
    marker: Option<String>,
    max_items: Option<usize>,
}

/// How a page ends.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PageEnd {
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl PageEnd {
    /// The page ends behind the item with this key, before it is full.
    pub(crate) fn early(key: &str) -> PageEnd {
        PageEnd {
            is_truncated: true,
            marker: Some(encode(key)),
        }
    }
}

/// Cuts the wanted page out of a list. `key` tells the items apart and does not change from call to
/// call: the marker is the key of the last item that was shown, so a list that changes between two
/// pages neither repeats nor skips what stayed. If that item is gone, its place is found by order.
///
/// # Errors
/// `Invalid Marker.`
pub(crate) fn page<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> String,
    request: &PageRequest,
) -> Result<(Vec<T>, PageEnd), IamError> {
    let max = request.max_items.unwrap_or(ITEMS_DEFAULT).max(1);
    let start = match &request.marker {
        None => 0,
        Some(marker) => {
            let last = decode(marker).ok_or(IamError::InvalidMarker)?;
            match items.iter().position(|item| key(item) == last) {
                Some(at) => at + 1,
                None => items.partition_point(|item| key(item) < last),
            }
        }
    };
    let is_truncated = items.len() > start.saturating_add(max);
    let items: Vec<T> = items.into_iter().skip(start).take(max).collect();
    let marker = match items.last() {
        Some(last) if is_truncated => Some(encode(&key(last))),
        Some(_) | None => None,
    };
    let end = PageEnd {
        is_truncated,
        marker,
    };
    Ok((items, end))
}

fn encode(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

fn decode(marker: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(marker).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(marker: Option<&str>, max_items: usize) -> Result<(Vec<u8>, PageEnd), IamError> {
        let request = PageRequest {
            marker: marker.map(str::to_owned),
            max_items: Some(max_items),
        };
        page((0..5).collect(), |number| number.to_string(), &request)
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let (mut seen, mut marker) = (Vec::new(), None);
        loop {
            let (items, end) = numbers(marker.as_deref(), 2).unwrap();
            seen.extend(items);
            assert_eq!(end.is_truncated, end.marker.is_some());
            marker = end.marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn the_place_of_an_item_that_is_gone_is_found_by_order() {
        let (items, _) = numbers(Some(&encode("1x")), 2).unwrap();
        assert_eq!(items, [2, 3]);
    }

    #[test]
    fn a_marker_of_someone_else_is_refused() {
        let error = numbers(Some("no marker!"), 2).unwrap_err();
        assert_eq!(error.to_string(), "Invalid Marker.");
    }
}

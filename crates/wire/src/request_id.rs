//! Request ids in the forms AWS uses, made of random bytes that the caller brings.

use base64::Engine;

/// A Query or JSON request id: a version 4 UUID, such as `2a6b8c1e-…`.
#[must_use]
pub fn uuid(random: [u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = random;
    let version = [(g & 0x0f) | 0x40, h];
    let variant = [(i & 0x3f) | 0x80, j];
    [
        hex::encode([a, b, c, d]),
        hex::encode([e, f]),
        hex::encode(version),
        hex::encode(variant),
        hex::encode([k, l, m, n, o, p]),
    ]
    .join("-")
}

/// An S3 request id (`x-amz-request-id`): 16 of `0-9A-Z`.
#[must_use]
pub fn s3(random: [u8; 16]) -> String {
    random
        .iter()
        .map(|byte| match byte % 36 {
            digit @ 0..=9 => char::from(b'0' + digit),
            letter => char::from(b'A' + (letter - 10)),
        })
        .collect()
}

/// An S3 host id (`x-amz-id-2`): base64 of 56 bytes, 76 characters.
#[must_use]
pub fn s3_host(random: &[u8; 56]) -> String {
    base64::engine::general_purpose::STANDARD.encode(random)
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_have_the_form_of_aws() {
        assert_eq!(
            super::uuid([0xff; 16]),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(
            super::s3([0, 9, 10, 35, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255]),
            "09AZ000000000003"
        );
        assert_eq!(super::s3_host(&[7; 56]).len(), 76);
    }
}

//! Fuzz targets: plain functions of bytes for everything that reads bytes from outside, and a
//! driver for them that needs nothing but the stable compiler.
//!
//! A target must come back whatever it is given: no panic, no overflow of a small stack, no work
//! that grows faster than the input. Some check a law on the way, such as that chunks decode alike
//! however the body was cut. The driver makes inputs by changing valid ones; everything follows from
//! the seed and the number of the case, so a failure is replayed by these two.
//!
//! ```
//! let target = fuzz::target("arn").unwrap();
//! (target.run)(b"arn:aws:iam::123456789012:role/path/name");
//! let driver = fuzz::Driver { seed: 1, first: 0, cases: 10 };
//! assert!(driver.run(target).is_ok());
//! ```

mod driver;
mod forms;
mod mutate;
mod policies;
mod requests;
mod shapes;

pub use driver::{Driver, Failure, STACK_BYTES, seed_from_environment};
pub use shapes::{SHAPES, Shape};

/// Something that reads bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Reads the bytes, and panics if a law does not hold.
    pub run: fn(&[u8]),
    /// Valid inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of its language.
    pub words: &'static [&'static str],
    /// How many cases an ordinary run of the tests takes.
    pub cases: u64,
    /// The longest input that the product hands to what is fuzzed, in bytes.
    pub bytes_max: usize,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "policy_json",
        run: policies::policy_json,
        seeds: policies::documents,
        words: policies::WORDS,
        cases: 1500,
        bytes_max: 131_072,
    },
    Target {
        name: "condition",
        run: policies::condition,
        seeds: policies::conditions,
        words: policies::CONDITION_WORDS,
        cases: 4000,
        bytes_max: 20_480,
    },
    Target {
        name: "arn",
        run: policies::arn,
        seeds: policies::arns,
        words: policies::ARN_WORDS,
        cases: 4000,
        bytes_max: 2048,
    },
    Target {
        name: "dates",
        run: requests::dates,
        seeds: requests::date_texts,
        words: requests::DATE_WORDS,
        cases: 4000,
        bytes_max: 256,
    },
    Target {
        name: "sigv4_header",
        run: requests::sigv4,
        seeds: requests::signed_heads,
        words: requests::HEAD_WORDS,
        cases: 2000,
        bytes_max: 65_536,
    },
    Target {
        name: "sigv4_query",
        run: requests::sigv4,
        seeds: requests::presigned_heads,
        words: requests::HEAD_WORDS,
        cases: 2000,
        bytes_max: 65_536,
    },
    Target {
        name: "sigv4_version2",
        run: requests::version_2,
        seeds: requests::version_2_heads,
        words: requests::HEAD_WORDS,
        cases: 2000,
        bytes_max: 65_536,
    },
    Target {
        name: "rest_route",
        run: requests::rest_route,
        seeds: requests::rest_heads,
        words: requests::HEAD_WORDS,
        cases: 3000,
        bytes_max: 65_536,
    },
    Target {
        name: "query_body",
        run: requests::query_body,
        seeds: requests::forms,
        words: requests::FORM_WORDS,
        cases: 2000,
        bytes_max: 1024 * 1024,
    },
    Target {
        name: "xml_body",
        run: requests::xml_body,
        seeds: requests::xml_bodies,
        words: requests::XML_WORDS,
        cases: 3000,
        bytes_max: wire::rest::XML_BYTES_MAX,
    },
    Target {
        name: "chunked",
        run: requests::chunked,
        seeds: requests::chunked_bodies,
        words: requests::CHUNK_WORDS,
        cases: 1500,
        bytes_max: 65_536,
    },
    Target {
        name: "post_form",
        run: requests::post_form,
        seeds: requests::post_policies,
        words: requests::POST_WORDS,
        cases: 2000,
        bytes_max: 65_536,
    },
    Target {
        name: "multipart_form",
        run: forms::multipart_form,
        seeds: forms::forms,
        words: forms::WORDS,
        cases: 3000,
        bytes_max: 65_536,
    },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

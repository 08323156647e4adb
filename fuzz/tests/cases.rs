//! A fixed number of cases for each target. `STRONGROOM_SEED` takes another seed than the usual one.
#![expect(clippy::panic, reason = "tests")]

use fuzz::{Driver, TARGETS, seed_from_environment, target};

/// Targets in several tests, so that they run beside each other.
fn check(name: &str) {
    let target = target(name).unwrap_or_else(|| panic!("no target {name}"));
    let driver = Driver {
        seed: seed_from_environment(),
        first: 0,
        cases: target.cases,
    };
    println!("{name}: {} cases of seed {}", driver.cases, driver.seed);
    if let Err(failure) = driver.run(target) {
        panic!("{failure}\n  kept: {:?}", failure.save());
    }
}

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_target_has_its_test() {
            let listed = [$(stringify!($name)),*];
            let targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(listed.as_slice(), targets);
        }
    };
}
tests! {
    policy_json condition arn dates sigv4_header sigv4_query sigv4_version2 rest_route query_body
    xml_body chunked post_form multipart_form
}

/// The canary: a target that is wrong is found, and its failure says how to see it again.
mod canary {
    use fuzz::{Driver, Target};

    static WRONG: Target = Target {
        name: "wrong",
        run: |bytes| assert!(!bytes.windows(2).any(|two| two == b"%%"), "two percents"),
        seeds: || vec![b"a%b".to_vec()],
        words: &["%", "c"],
        cases: 1000,
        bytes_max: 64,
    };

    #[test]
    fn a_panic_is_found_and_replayed() {
        let driver = Driver {
            seed: 7,
            first: 0,
            cases: 1000,
        };
        let failure = driver.run(&WRONG).unwrap_err();
        assert!(failure.message.contains("two percents"));
        let told = failure.to_string();
        assert!(told.contains(&format!("--seed 7 --first {} --cases 1", failure.case)));
        let again = Driver {
            seed: 7,
            first: failure.case,
            cases: 1,
        };
        assert_eq!(again.run(&WRONG).unwrap_err().input, failure.input);
    }
}

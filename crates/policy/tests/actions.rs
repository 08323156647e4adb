//! The names of our actions are AWS's.
#![expect(clippy::unwrap_used, reason = "tests")]

fn table(service: &str) -> serde_json::Value {
    let path = format!("{}/data/{service}-actions.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_action_of_the_catalog_is_in_the_service_authorization_reference() {
    let lists = [
        ("s3", catalog::s3::NAMES),
        ("iam", catalog::iam::NAMES),
        ("sts", catalog::sts::NAMES),
    ];
    for (service, names) in lists {
        let table = table(service);
        for name in names {
            let (prefix, name) = name.split_once(':').unwrap();
            assert_eq!(prefix, service);
            assert!(table["actions"].get(name).is_some(), "{service}:{name}");
        }
    }
}

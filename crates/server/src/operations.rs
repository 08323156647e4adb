//! Which operations are served, from the lists by which the services dispatch.
use wire::Service;

/// Every operation that is built, with its service: `s3`, `s3control`, `iam` or `sts`.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str)> {
    let s3 = s3::NAMES.iter().map(|name| rest(name));
    let iam = iam::ops::NAMES.iter().map(|name| ("iam", *name));
    let sts = sts::ops::NAMES.iter().map(|name| ("sts", *name));
    s3.chain(iam).chain(sts)
}

/// The operations of S3 Control have the names of others of S3; among those, the crate `s3` knows
/// them by names of their own.
fn rest(name: &'static str) -> (&'static str, &'static str) {
    let modelled = s3::NAMES
        .iter()
        .find(|modelled| s3::operation_name(Service::S3Control, modelled) == name);
    match modelled {
        Some(modelled) => ("s3control", modelled),
        None => ("s3", name),
    }
}

#[cfg(test)]
mod tests {
    use super::operations;
    use wire::Service;

    #[test]
    fn every_operation_is_one_of_its_services_model() {
        for (service, name) in operations() {
            let service = match service {
                "s3" => Service::S3,
                "s3control" => Service::S3Control,
                "iam" => Service::Iam,
                "sts" => Service::Sts,
                other => unreachable!("{other}"),
            };
            let modelled = wire::model(service).operation(name);
            assert!(modelled.is_some(), "{service:?} {name}");
        }
    }

    #[test]
    fn the_account_level_of_block_public_access_belongs_to_s3_control() {
        let control: Vec<_> = operations()
            .filter(|(service, _)| *service == "s3control")
            .collect();
        assert_eq!(control.len(), 3);
        assert!(operations().any(|operation| operation == ("s3", "GetPublicAccessBlock")));
    }
}

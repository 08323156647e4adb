//! Where the bucket is named: in the host or in the path.

use std::net::IpAddr;

/// The host names under which the server is known; `BUCKET.` in front of one names a bucket.
#[derive(Debug, Clone)]
pub struct Domains {
    // INVARIANT: lower case, longest first.
    names: Vec<String>,
}

impl Default for Domains {
    /// `localhost` and `s3.localhost`.
    fn default() -> Domains {
        Domains::new(std::iter::empty())
    }
}

/// Where the bucket is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// `/BUCKET/KEY`
    Path,
    /// `BUCKET.domain/KEY`
    VirtualHost,
}

impl Domains {
    /// The given names beside `localhost` and `s3.localhost`.
    pub fn new(names: impl IntoIterator<Item = String>) -> Domains {
        let defaults = ["localhost", "s3.localhost"].map(str::to_owned);
        let mut names: Vec<String> = names
            .into_iter()
            .map(|name| name.trim_matches('.').to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .chain(defaults)
            .collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.dedup();
        Domains { names }
    }

    /// What stands before one of our names, such as the bucket in `logs.s3.localhost:9000`.
    ///
    /// `None` for a bare name, an IP address and hosts we do not know: the path names the bucket there.
    #[must_use]
    pub fn label(&self, host: &str) -> Option<String> {
        let host = without_port(host)
            .trim_end_matches('.')
            .to_ascii_lowercase();
        if host.parse::<IpAddr>().is_ok() || self.names.contains(&host) {
            return None;
        }
        self.names.iter().find_map(|name| {
            let label = host.strip_suffix(name.as_str())?.strip_suffix('.')?;
            (!label.is_empty()).then(|| label.to_owned())
        })
    }
}

fn without_port(host: &str) -> &str {
    if let Some(end) = host.strip_prefix('[').and_then(|rest| rest.find(']')) {
        return host.get(1..=end).unwrap_or(host);
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_before_the_longest_name_is_the_bucket() {
        let domains = Domains::new(["S3.Example.org.".to_owned()]);
        let label = |host: &str| domains.label(host);
        assert_eq!(label("localhost:9000"), None);
        assert_eq!(label("s3.localhost"), None);
        assert_eq!(label("logs.localhost:9000").as_deref(), Some("logs"));
        assert_eq!(label("a.b.s3.localhost").as_deref(), Some("a.b"));
        assert_eq!(label("Logs.s3.example.org.").as_deref(), Some("logs"));
        assert_eq!(label("127.0.0.1:9000"), None);
        assert_eq!(label("[::1]:9000"), None);
        assert_eq!(label("elsewhere.org"), None);
        assert_eq!(label("notlocalhost"), None);
        assert_eq!(label(".localhost"), None);
    }
}

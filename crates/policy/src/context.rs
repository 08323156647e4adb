//! The request context that conditions look at.

/// What a context holds under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// The key is not there.
    Absent,
    /// A single-valued key.
    One(&'a str),
    /// A multivalued key; may be empty.
    Many(&'a [String]),
}

/// Values by condition key. Keys are asked for in lower case.
///
/// Keys that follow from the caller and the resource's owner (`aws:PrincipalArn`,
/// `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:userid`, `aws:username`,
/// `aws:PrincipalTag/…`, `aws:ResourceAccount`, `s3:ResourceAccount`) are derived by the
/// evaluation when the context does not have them.
pub trait Context {
    /// The value under `key`, which is lower case.
    fn lookup(&self, key: &str) -> Lookup<'_>;

    /// The value under a key that policies know by number: the same as [`Context::lookup`] of its
    /// name, for contexts that find it faster so.
    fn lookup_known(&self, key: KnownKey) -> Lookup<'_> {
        self.lookup(key.name())
    }
}

/// Declares keys: the list is the whole content.
macro_rules! known_keys {
    ($($variant:ident $name:literal,)*) => {
        /// Keys that are recognized when a policy is compiled, so that a decision compares no
        /// names. All others, such as those with tags in them, are looked up by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum KnownKey {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        impl KnownKey {
            /// Its name, in lower case.
            pub fn name(self) -> &'static str {
                match self {
                    $(KnownKey::$variant => $name,)*
                }
            }

            /// The key of this name, which is lower case.
            pub fn of(name: &str) -> Option<KnownKey> {
                match name {
                    $($name => Some(KnownKey::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

known_keys! {
    CurrentTime "aws:currenttime",
    EpochTime "aws:epochtime",
    SecureTransport "aws:securetransport",
    SourceIp "aws:sourceip",
    UserAgent "aws:useragent",
    Referer "aws:referer",
    RequestedRegion "aws:requestedregion",
    ViaAwsService "aws:viaawsservice",
    PrincipalIsAwsService "aws:principalisawsservice",
    TokenIssueTime "aws:tokenissuetime",
    MultiFactorAuthPresent "aws:multifactorauthpresent",
    MultiFactorAuthAge "aws:multifactorauthage",
    SourceIdentity "aws:sourceidentity",
    PrincipalArn "aws:principalarn",
    PrincipalAccount "aws:principalaccount",
    PrincipalType "aws:principaltype",
    UserId "aws:userid",
    UserName "aws:username",
    ResourceAccount "aws:resourceaccount",
    S3ResourceAccount "s3:resourceaccount",
    S3AuthType "s3:authtype",
    S3SignatureVersion "s3:signatureversion",
    S3SignatureAge "s3:signatureage",
    S3ContentSha256 "s3:x-amz-content-sha256",
    S3ServerSideEncryption "s3:x-amz-server-side-encryption",
    S3Prefix "s3:prefix",
    S3Delimiter "s3:delimiter",
    S3MaxKeys "s3:max-keys",
    S3VersionId "s3:versionid",
    S3Acl "s3:x-amz-acl",
    IamPermissionsBoundary "iam:permissionsboundary",
}

/// A key as a compiled policy has it.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// In lower case.
    pub name: Box<str>,
    pub known: Option<KnownKey>,
}

impl Key {
    pub fn compile(text: &str) -> Key {
        let name = text.to_lowercase();
        Key {
            known: KnownKey::of(&name),
            name: name.into(),
        }
    }

    /// What the context holds under the key.
    pub fn find<'c>(&self, context: &'c dyn Context) -> Lookup<'c> {
        match self.known {
            Some(known) => context.lookup_known(known),
            None => context.lookup(&self.name),
        }
    }
}

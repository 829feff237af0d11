//! Where backups are, as a URL: `file:///path/prefix` or `s3://bucket/prefix`. Pure.

use std::{fmt, path::PathBuf, str::FromStr};

/// Where backups are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder, of a volume that is mounted.
    Folder(PathBuf),
    /// Objects of a bucket, whose names begin with a prefix; what else the environment says of it is the bucket's.
    Bucket {
        /// The bucket.
        bucket: String,
        /// Without slashes at its ends; empty for all of the bucket.
        prefix: String,
    },
}

/// A text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the destination `{url}`: {reason}; write file:///path or s3://bucket/prefix")]
pub struct NoDestination {
    url: String,
    reason: &'static str,
}

impl FromStr for Destination {
    type Err = NoDestination;

    fn from_str(url: &str) -> Result<Self, NoDestination> {
        let refuse = |reason| NoDestination { url: url.to_owned(), reason };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refuse("it has no scheme"))?;
        match scheme {
            "file" if !rest.starts_with('/') => Err(refuse("its path does not begin at the root")),
            "file" => Ok(Self::Folder(PathBuf::from(rest))),
            "s3" => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let prefix = prefix.trim_matches('/');
                if bucket.is_empty() {
                    return Err(refuse("it names no bucket"));
                }
                if bucket.contains(|character: char| !is_of_bucket(character)) {
                    return Err(refuse("no bucket has such a name"));
                }
                if !prefix.is_empty() && !prefix.split('/').all(is_segment) {
                    return Err(refuse(
                        "the parts of its prefix are not all made of letters, digits, `-`, `_`, `.` and `=`",
                    ));
                }
                Ok(Self::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
            }
            _ => Err(refuse("its scheme is not one of those that are known")),
        }
    }
}

fn is_of_bucket(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || matches!(character, '-' | '.')
}

/// A part of a prefix that is written the same in a URL, in a signature and in a file system.
fn is_segment(part: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=');
    !matches!(part, "" | "." | "..") && part.bytes().all(known)
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "file://{}", path.display()),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_folder_or_a_bucket() {
        for (url, written) in [
            ("file:///mnt/backups/orders", "file:///mnt/backups/orders"),
            ("s3://backups", "s3://backups"),
            ("s3://backups/", "s3://backups"),
            ("s3://my.backups/team/orders/", "s3://my.backups/team/orders"),
        ] {
            assert_eq!(url.parse::<Destination>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_names_neither_is_refused_with_the_way_out() {
        for url in [
            "",
            "backups",
            "file://mnt",
            "s3://",
            "s3:///a",
            "s3://b/a//c",
            "s3://b/../c",
            "s3://B/a",
            "gs://b",
            "s3://b/a b",
        ] {
            let refused = url.parse::<Destination>().unwrap_err().to_string();
            assert!(refused.contains("write file:///path or s3://bucket/prefix"), "{url}: {refused}");
        }
    }
}

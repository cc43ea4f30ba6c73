"""Where the lakehouse is in S3: a bucket of its own, or a prefix of a shared bucket, written `<bucket>/<prefix>`.

URIs take it as it is, `s3://<root>/<key>`; requests to S3 need its two parts. Command line and jobs share this file:
lakehouse/s3_root.py links to it.
"""


def split(root: str) -> tuple[str, str]:
    """Return the bucket, and the prefix of all keys, which is empty or ends in a slash."""
    bucket, _, prefix = root.partition("/")
    return bucket, f"{prefix}/" if prefix else ""

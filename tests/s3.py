"""An S3 server on this machine: moto's, which s3fs speaks with as with any other."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

BUCKET = "runs"


@contextmanager
def server() -> Iterator[str]:
    """A server with one empty bucket, known to this process and those it starts; an address."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    serving = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    serving.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{serving.get_host_and_port()[1]}")
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            boto3.client("s3").create_bucket(Bucket=BUCKET)
            yield f"s3://{BUCKET}/team"
    finally:
        serving.stop()

"""What moto 5.2.5 lacks of the operations that Terraform and the lakehouse call, one module per service.

Delete each part when moto gains it: tests/integration/embedded_aws/test_moto_gaps.py fails then.
"""

# The modules of EC2, EventBridge and S3 are imported when the service is first used: moto's models take seconds.
# ruff: noqa: PLC0415


def install(service: str) -> None:
    """Fix the models of a service that is about to be served."""
    if service == "ec2":
        from embedded_aws.moto_gaps import ec2

        ec2.install()
    elif service == "events":
        from embedded_aws.moto_gaps import events

        events.install()
    elif service in ("s3", "s3bucket_path"):
        from embedded_aws.moto_gaps import s3

        s3.install()

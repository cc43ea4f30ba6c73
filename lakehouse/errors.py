"""What an operator can be told: every error that the tools raise on purpose is one of these."""


class LakehouseError(Exception):
    """Something is wrong that the operator can put right; the text says what and how, in full sentences."""


class DataError(LakehouseError):
    """The landing data cannot be used."""


class TerraformError(LakehouseError):
    """Terraform could not do what it was asked to do."""


class WorkflowError(LakehouseError):
    """The workflow could not be started, or did not end well."""


class OperationUnderWayError(LakehouseError):
    """Another operation holds the lakehouse."""


class NotDeployedError(TerraformError):
    """Terraform has not made the environment yet."""


class CommandInterruptedError(LakehouseError):
    """The operator has stopped the command; the text says what that left behind."""

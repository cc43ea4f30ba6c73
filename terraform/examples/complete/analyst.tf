# The role of data scientists: they read the training table and nothing that identifies a customer.
data "aws_iam_policy_document" "analyst_trust" {
  statement {
    sid     = "AccountAssumes"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
}

resource "aws_iam_role" "analyst" {
  name               = "${local.name}-analyst"
  assume_role_policy = data.aws_iam_policy_document.analyst_trust.json
}

resource "aws_iam_role_policy_attachment" "analyst" {
  role       = aws_iam_role.analyst.name
  policy_arn = module.lakehouse.analyst_policy_arn
}

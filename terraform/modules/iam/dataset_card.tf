# The dataset card of the training table: part of the policies of both roles, since each run that publishes, a rollback and an
# erasure write it anew. It is compared with the card before it.
data "aws_iam_policy_document" "dataset_card" {
  statement {
    sid       = "WriteDatasetCard"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [for file in ["md", "json"] : "${local.root_arn}/training/dataset_card.${file}"]
  }
}

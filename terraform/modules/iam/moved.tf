# Callers that applied the module before roles could be existing ones keep theirs.

moved {
  from = aws_iam_role.jobs
  to   = aws_iam_role.jobs[0]
}

moved {
  from = aws_iam_role.forget
  to   = aws_iam_role.forget[0]
}

moved {
  from = aws_iam_role_policy.data
  to   = aws_iam_role_policy.data[0]
}

moved {
  from = aws_iam_role_policy.catalog
  to   = aws_iam_role_policy.catalog[0]
}

moved {
  from = aws_iam_role_policy.observe
  to   = aws_iam_role_policy.observe[0]
}

moved {
  from = aws_iam_role_policy.lease
  to   = aws_iam_role_policy.lease[0]
}

moved {
  from = aws_iam_role_policy.subject_key
  to   = aws_iam_role_policy.subject_key[0]
}

# What exists and stays. The first apply puts it under Terraform; delete this file afterwards.
import {
  to = module.lakehouse.module.storage[0].aws_s3_bucket.this
  id = var.bucket
}

import {
  to = module.lakehouse.module.catalog.aws_glue_catalog_database.this[0]
  id = "${data.aws_caller_identity.current.account_id}:${var.database}"
}

import {
  for_each = toset(["accelerometer_landing", "customer_landing", "step_trainer_landing"])

  to = module.lakehouse.module.catalog.aws_glue_catalog_table.json[each.key]
  id = "${data.aws_caller_identity.current.account_id}:${var.database}:${each.key}"
}

import {
  to = module.lakehouse.module.network[0].aws_vpc_endpoint.s3[0]
  id = var.vpc_endpoint_id
}

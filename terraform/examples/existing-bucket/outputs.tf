output "lakehouse" {
  description = "Names for the next steps: where to upload data, which workflow to start, what to query."
  value = {
    root             = module.lakehouse.root
    landing_uris     = module.lakehouse.landing_uris
    workflow         = module.lakehouse.workflow
    forget_job       = module.lakehouse.forget_job
    rollback_job     = module.lakehouse.rollback_job
    database         = module.lakehouse.database
    audit_database   = module.lakehouse.audit_database
    athena_workgroup = module.lakehouse.athena_workgroup
  }
}

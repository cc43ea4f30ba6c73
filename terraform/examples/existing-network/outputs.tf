output "lakehouse" {
  description = "Names for the next steps, and where the jobs run."
  value = {
    landing_uris          = module.lakehouse.landing_uris
    workflow              = module.lakehouse.workflow
    glue_connections      = module.lakehouse.glue_connections
    job_security_group_id = module.lakehouse.job_security_group_id
  }
}

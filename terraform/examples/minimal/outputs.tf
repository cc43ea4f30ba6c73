output "lakehouse" {
  description = "Names that the next steps need: where to put the data, what to start, what to query."
  value = {
    landing_uris     = module.lakehouse.landing_uris
    workflow         = module.lakehouse.workflow
    database         = module.lakehouse.database
    athena_workgroup = module.lakehouse.athena_workgroup
    console_links    = module.lakehouse.console_links
  }
}

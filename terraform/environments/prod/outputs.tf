output "lakehouse" {
  description = "Every output of the module, by name: see the module's own outputs."
  value       = module.lakehouse
}

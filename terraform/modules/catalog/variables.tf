variable "database" {
  description = "Name of the Glue database."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket that holds the tables."
  type        = string
}

variable "ddl_path" {
  description = "Folder of the Athena DDL, one <table>.sql per table."
  type        = string
}

variable "tags" {
  description = "Tags of the database."
  type        = map(string)
}

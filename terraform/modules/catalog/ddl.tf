# ddl/*.sql is the schema contract. This file turns that text into data and needs no provider, so that a test can hold
# it against a real SQL parser; tables.tf turns the data into catalog tables.

locals {
  audit_database = "${var.database}_audit"

  warehouse_uri = "s3://${var.bucket}/warehouse"
  property      = "'([^']+)'\\s*=\\s*'([^']*)'" # 'key' = 'value'

  ddl = {
    for file in fileset(var.ddl_path, "*.sql") :
    trimsuffix(file, ".sql") => templatefile("${var.ddl_path}/${file}", { database = var.database, bucket = var.bucket })
  }

  tables = {
    for table, sql in local.ddl : table => {
      created     = one(regexall("(?m)^CREATE (?:EXTERNAL )?TABLE (?:IF NOT EXISTS )?(\\w+\\.\\w+)", sql)[*][0])
      audit       = length(regexall("(?m)^CREATE (?:EXTERNAL )?TABLE (?:IF NOT EXISTS )?${local.audit_database}\\.", sql)) > 0
      description = join(" ", regexall("(?m)^-- (.+)$", sql)[*][0])
      iceberg     = length(regexall("'table_type'\\s*=\\s*'ICEBERG'", sql)) > 0
      location    = one(regexall("LOCATION\\s+'([^']+)'", sql)[*][0])
      serde       = one(regexall("ROW FORMAT SERDE\\s+'([^']+)'", sql)[*][0])

      columns = [
        for match in regexall("(?m)^\\s+`?(\\w+)`?\\s+(\\w+)\\s+COMMENT\\s+'([^']*)'", sql) :
        { name = match[0], type = match[1], comment = match[2] }
      ]

      serde_properties = {
        for match in regexall(local.property, join("", regexall("SERDEPROPERTIES\\s*\\(([^)]*)\\)", sql)[*][0])) :
        match[0] => match[1]
      }
      table_properties = {
        for match in regexall(local.property, join("", regexall("TBLPROPERTIES\\s*\\(([^)]*)\\)", sql)[*][0])) :
        match[0] => match[1]
      }
    }
  }
}

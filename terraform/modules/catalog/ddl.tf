# ddl/*.sql is the schema contract. This file parses that text and needs no provider, so that a test can compare it with a
# real SQL parser and with the jobs' reader; tables.tf turns the result into catalog tables.

locals {
  audit_database = "${var.database}_audit"

  root          = trimsuffix("${var.bucket}/${var.prefix}", "/")
  warehouse_uri = "s3://${local.root}/warehouse"

  # Types that Athena, Glue, Iceberg and Spark have in common. JSON tables have only some of them: a job casts the others from
  # string.
  types      = ["boolean", "int", "bigint", "float", "double", "date", "timestamp", "string"]
  decimals   = flatten([for precision in range(1, 39) : [for scale in range(precision + 1) : "decimal(${precision},${scale})"]])
  json_types = ["boolean", "int", "bigint", "double", "string"]

  # The patterns of a file's lines, and which line may precede each: the same as in glue_jobs/shared/table_contract.py. A
  # column's comment must not contain a quote, which ends it, or a backslash or brace, which SQL or Terraform read as escapes.
  column           = "[ \\t]+([a-z_][a-z0-9_]*|`[a-z_][a-z0-9_]*`)[ \\t]+([^'\\n]*[^'\\s])[ \\t]+COMMENT[ \\t]+'([^'\\\\{\\n]+)'"
  comment          = "-- ([^{\\n]+)"
  create           = "CREATE (?:EXTERNAL )?TABLE (?:IF NOT EXISTS )?\\$\\{database\\}\\w*\\.\\w+ \\("
  property         = "'([^'{\\n]+)' = '([^'{\\n]*)'"
  properties       = "\\(${local.property}(?:, ${local.property})*\\)"
  serde            = "ROW FORMAT SERDE '([^'{\\n]+)'"
  serde_properties = "WITH SERDEPROPERTIES ${local.properties}"
  location         = "LOCATION '((?:[^'{\\n]|\\$\\{(?:database|bucket)\\})+)'"
  table_properties = "TBLPROPERTIES ${local.properties}"

  layout = format("^(?:%s)$", join("|", [
    for line in [
      { is = local.comment, after = "|${local.comment}" },
      { is = local.create, after = local.comment },
      { is = "${local.column},?", after = "${local.create}|${local.column}," },
      { is = "\\)", after = local.column },
      { is = local.serde, after = "\\)" },
      { is = local.serde_properties, after = local.serde },
      { is = "${local.location};?", after = "\\)|${local.serde}|${local.serde_properties}" },
      { is = "${local.table_properties};", after = local.location },
      { is = "", after = "${local.location};|${local.table_properties};" },
    ] : "(?:${line.after})\n(?:${line.is})"
  ]))

  # The text of each file without invisible characters at the ends of lines.
  text = {
    for file in setsubtract(fileset(var.ddl_path, "*.sql"), fileset(var.ddl_path, "*.audit.sql")) :
    trimsuffix(file, ".sql") => replace(replace(trimprefix(file("${var.ddl_path}/${file}"), "\ufeff"), "/[ \\t\\r]+\n/", "\n"), "/[ \\t\\r\n]+$/", "\n")
  }
  lines = { for table, text in local.text : table => concat([""], split("\n", text)) } # so that the index is the line number
  ddl = {
    for table, text in local.text :
    table => try(templatestring(local.text[table], { database = var.database, bucket = local.root }), text) # an error is reported by `refused` below
  }

  columns = {
    for table, lines in local.lines : table => [
      for number, line in lines : merge(zipmap(["name", "type", "comment"], regex(local.column, line)), { name = trim(regex(local.column, line)[0], "`"), line = number })
      if can(regex("^${local.column},?$", line))
    ]
  }

  tables = {
    for table, sql in local.ddl : table => {
      created     = try(regex("(?m)^CREATE (?:EXTERNAL )?TABLE (?:IF NOT EXISTS )?(\\w+\\.\\w+)", sql)[0], "")
      audit       = length(regexall("(?m)^CREATE (?:EXTERNAL )?TABLE (?:IF NOT EXISTS )?${local.audit_database}\\.", sql)) > 0
      description = join(" ", regexall("(?m)^${local.comment}$", sql)[*][0])
      iceberg     = length(regexall("'table_type' = 'ICEBERG'", sql)) > 0
      location    = try(regex("(?m)^LOCATION '([^'\\n]+)'", sql)[0], "")
      serde       = try(regex("(?m)^${local.serde}$", sql)[0], null)

      columns = [for column in local.columns[table] : { name = column.name, type = column.type, comment = column.comment }]

      serde_properties = {
        for match in regexall(local.property, try(regex("(?m)^WITH SERDEPROPERTIES (.*)$", sql)[0], "")) :
        match[0] => match[1]
      }
      table_properties = {
        for match in regexall(local.property, try(regex("(?m)^TBLPROPERTIES (.*);$", sql)[0], "")) :
        match[0] => match[1]
      }
    }
  }

  # Errors by line: a line that does not match is an error, never skipped.
  unexpected = {
    for table, lines in local.lines : table => [
      for number, line in lines : "line ${number}: ${line == "" ? "an empty line" : trimspace(line)} is not expected here; a column is one line, \"  name  type COMMENT 'meaning',\", with a name in lower case, no ' \\ or { in the meaning, and no comma if it is the last; a line ) and one \"LOCATION 's3://...'\" follow"
      if number > 0 && !can(regex(local.layout, "${lines[max(number - 1, 0)]}\n${line}"))
    ]
  }
  refused = {
    for table, columns in local.columns : table => try([local.unexpected[table][0]], concat( # report the first only: the others follow from it
      [
        for column in columns : "line ${column.line}: the column ${column.name} has the type ${column.type}, but only ${join(", ", local.types)} and decimal(precision,scale), in lower case, are supported"
        if !contains(concat(local.types, local.decimals), column.type)
      ],
      [
        for column in columns : "line ${column.line}: the column ${column.name} has the type ${column.type}, which JSON does not have; declare it as one of ${join(", ", local.json_types)}, and cast it in the job"
        if contains(concat(local.types, local.decimals), column.type) && !contains(local.json_types, column.type) && local.tables[table].serde != null
      ],
      [
        for column in columns : "line ${column.line}: the column ${column.name} is declared twice"
        if length([for other in columns : other if other.name == column.name && other.line < column.line]) > 0
      ],
    ))
  }
}

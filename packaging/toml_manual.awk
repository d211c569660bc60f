# penstock.toml(5) from penstock.example.toml: a comment tells of the keys below it.
function roff(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  gsub(/"/, "\\(dq", text)
  if (text ~ /^[.']/) text = "\\&" text
  return text
}

function key_line(line, request,    key, value) {
  key = line
  sub(/ *=.*/, "", key)
  value = line
  sub(/^[^=]*= */, "", value)
  print request "\n.B " roff(table key) " \\fR= " roff(value)
}

BEGIN {
  print ".TH PENSTOCK.TOML 5 \"\" \"Penstock\" \"Configuration\""
  print ".SH NAME\npenstock.toml \\- configuration of a Penstock server"
  print ".SH DESCRIPTION"
}

/^\[/ {
  table = substr($0, 2, index($0, "]") - 2) "."
  print ".SH " toupper(substr(table, 1, length(table) - 1))
  about = ""
  next
}

/^#/ {
  sub(/^# ?/, "")
  about = about ($0 == "" ? ".PP\n" : roff($0) "\n")
  next
}

# A comment of its own tells of the whole.
/^$/ {
  printf "%s", about
  about = ""
  if (!keys_begun++) print ".SH KEYS"
  next
}

/=/ {
  key_line($0, ".TP")
  told = about
  about = ""
  while ((getline following) > 0 && following ~ /^[a-z_]+ *=/) key_line(following, ".TQ")
  printf "%s", told
  if (following ~ /^#/) about = roff(substr(following, 3)) "\n"
}

END { print ".SH SEE ALSO\npenstock(1)" }

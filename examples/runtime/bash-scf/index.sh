# handle EVENT: counts the characters of the message's body. An "oops" fails and is tried again.
handle() {
  local body
  body=$(printf '%s' "$1" | sed -n 's/.*"msgBody":"\([^"]*\)".*/\1/p')
  echo "body: $body" >&2 # stderr is the function's log
  [ "$body" != oops ] || return 3
  printf '{"characters":%d}' "${#body}"
}

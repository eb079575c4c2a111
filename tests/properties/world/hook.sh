#!/bin/sh
# The hook of every event: does what the test has written into a file, and gives a
# new upload the id that its metadata asks for.
event=${0##*/}
json=$(cat)
if [ -s "$event.does" ]; then
    . "./$event.does"
fi
if [ "$event" = pre-create ]; then
    id=$(printf %s "$json" | sed -n 's/.*"MetaData":{[^}]*"id":"\([^"]*\)".*/\1/p')
    [ -z "$id" ] || printf '{"ChangeFileInfo":{"ID":"%s"}}' "$id"
fi
exit 0

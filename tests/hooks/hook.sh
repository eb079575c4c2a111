#!/bin/bash
# The hook of every test. Appends each event as a line to the file `heard`, and
# then runs the script of the event, if there is one.
event=$(basename "$0")
json=$(cat)
printf '%s\n' "$json" >>heard
if [ -f "$event.sh" ]; then
    . "./$event.sh"
fi

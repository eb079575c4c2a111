#!/bin/bash
# The hook of every test: writes down what it is told, a line for each event in
# the file `heard`, and does what the script of its event says, if there is one.
event=$(basename "$0")
json=$(cat)
printf '%s\n' "$json" >>heard
if [ -f "$event.sh" ]; then
    . "./$event.sh"
fi

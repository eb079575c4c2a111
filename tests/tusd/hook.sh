#!/bin/bash
# Appends a line for each call to a file of its server.
json=$(cat)
environment=$(env | grep '^TUS_' | sort | paste -sd ' ')
# The test and its directory may already be gone.
printf '%s\n' "$(basename "$0") $0 $* $PWD $environment $json" 2>/dev/null >>"heard.$PPID"

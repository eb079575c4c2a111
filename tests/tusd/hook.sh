#!/bin/bash
# Writes down what it is told, a line for each call, in a file of its server.
json=$(cat)
environment=$(env | grep '^TUS_' | sort | paste -sd ' ')
# Some are called when the test has ended, and its directory with it.
printf '%s\n' "$(basename "$0") $0 $* $PWD $environment $json" 2>/dev/null >>"heard.$PPID"

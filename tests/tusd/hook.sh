#!/bin/bash
# Writes down what it is told, a line for each call.
json=$(cat)
environment=$(env | grep '^TUS_' | sort | paste -sd ' ')
printf '%s\n' "$(basename "$0") $0 $* $PWD $environment $json" >>heard

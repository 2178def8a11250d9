package commands

import "github.com/docker-userns/docker-userns/internal/escape"

// printable is text from outside on one line of a terminal.
func printable(s string) string { return escape.Line(s) }

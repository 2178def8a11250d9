// Package apps asks the applications on an engine whether they work: their health
// over HTTP, commands in containers, sockets, and how long containers take to
// start. A profile, which is a YAML file, says what to ask.
//
// It does not look at processes and ID maps: that is package verify.
package apps

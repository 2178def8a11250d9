// Package dockerd reads what dockerd, and what belongs to it, writes down: the flags
// of its command line, versions, the storage driver's status, and the name of a
// remapped data root. Each has one parser.
package dockerd

import (
	"slices"
	"strings"
)

// Flag is one flag of a command line of dockerd.
type Flag struct {
	Name  string // the long name, e.g. "storage-driver"
	Value string // "true" for a flag that takes no value
	Word  string // the word of the command line that it is in, e.g. "-s" or "--debug=false"
}

// alone are the flags of dockerd 20.10 to 29 that take no value, except after "=".
var alone = []string{
	"allow-direct-routing", "cri-containerd", "debug", "disable-legacy-registry", "experimental", "help", "icc", "init",
	"ip-forward", "ip-forward-no-drop", "ip-masq", "ip6tables", "iptables", "ipv6", "live-restore", "no-new-privileges",
	"raw-logs", "rootless", "selinux-enabled", "tls", "tlsverify", "userland-proxy", "validate", "version",
}

var shorthands = map[byte]string{
	'b': "bridge", 'D': "debug", 'G': "group", 'g': "graph", 'H': "host", 'l': "log-level", 'p': "pidfile", 's': "storage-driver", 'v': "version",
}

// Flags reads the arguments of dockerd as its flag library (pflag) does, in every
// spelling: --name value, --name=value, -n value, -nvalue, -n=value, and several
// letters in one word. All after "--" are no flags.
func Flags(args []string) []Flag {
	var flags []Flag
	for len(args) > 0 && args[0] != "--" {
		var some []Flag
		some, args = next(args)
		flags = append(flags, some...)
	}
	return flags
}

// next reads the flags that begin in the first word, and gives what comes after them
// and their values.
func next(args []string) (flags []Flag, rest []string) {
	word, rest := args[0], args[1:]
	switch {
	case word == "--":
	case strings.HasPrefix(word, "--"):
		name, value, given := strings.Cut(word[2:], "=")
		if !given {
			value, rest = valueOf(name, rest)
		}
		return []Flag{{name, value, word}}, rest
	case len(word) > 1 && word[0] == '-':
		return letters(word, rest)
	}
	return nil, rest
}

// valueOf is the value of a flag that has none in its own word, and what is left
// of the arguments.
func valueOf(name string, args []string) (value string, rest []string) {
	switch {
	case slices.Contains(alone, name):
		return "true", args
	case len(args) == 0:
		return "", args
	}
	return args[0], args[1:]
}

// letters reads a word such as "-D", "-Ds", "-sx" or "-s=x". After a letter that
// dockerd does not know, nothing in the word is known.
func letters(word string, args []string) (flags []Flag, rest []string) {
	for in := word[1:]; in != ""; {
		name, known := shorthands[in[0]]
		if !known {
			return flags, args
		}
		in = in[1:]
		var value string
		switch {
		case len(in) > 1 && in[0] == '=':
			value, in = in[1:], ""
		case slices.Contains(alone, name):
			value = "true"
		case in != "":
			value, in = in, ""
		default:
			value, args = valueOf(name, args)
		}
		flags = append(flags, Flag{name, value, word})
	}
	return flags, args
}

// Last gives the flag with a long name that counts: the last one.
func Last(flags []Flag, name string) (found Flag, ok bool) {
	for _, f := range flags {
		if f.Name == name {
			found, ok = f, true
		}
	}
	return found, ok
}

// Without are arguments of dockerd without a flag, by its long name. It has to stand in
// words of its own, as a flag without a shorthand does.
func Without(args []string, name string) []string {
	var rest []string
	for len(args) > 0 {
		flags, after := next(args)
		if len(flags) != 1 || flags[0].Name != name {
			rest = append(rest, args[:len(args)-len(after)]...)
		}
		if args[0] == "--" {
			return append(rest, after...)
		}
		args = after
	}
	return rest
}

package survey

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
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--":
			return flags
		case strings.HasPrefix(word, "--"):
			name, value, given := strings.Cut(word[2:], "=")
			if !given {
				value, args = valueOf(name, args)
			}
			flags = append(flags, Flag{name, value, word})
		case len(word) > 1 && word[0] == '-':
			var some []Flag
			some, args = letters(word, args)
			flags = append(flags, some...)
		}
	}
	return flags
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
// dockerd does not know, nothing in the word can be told.
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

// flagOf gives the value of a flag, by its long name. The last one counts.
func flagOf(args []string, name string) (value string, ok bool) {
	for _, f := range Flags(args) {
		if f.Name == name {
			value, ok = f.Value, true
		}
	}
	return value, ok
}

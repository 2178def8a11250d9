package survey

import "strings"

// flagOf finds a long flag the way pflag reads it: the last one wins, and all
// after "--" are arguments.
func flagOf(args []string, name string) (value string, ok bool) {
	for i, arg := range args {
		switch {
		case arg == "--":
			return value, ok
		case arg == "--"+name && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"):
			value, ok = args[i+1], true
		case arg == "--"+name:
			value, ok = "true", true
		case strings.HasPrefix(arg, "--"+name+"="):
			value, ok = strings.TrimPrefix(arg, "--"+name+"="), true
		}
	}
	return value, ok
}

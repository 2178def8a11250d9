package dockerfile

import (
	"slices"
	"strings"
)

// option is one of a command's options, without its dashes.
type option struct {
	name  string
	value text // "" if it has none
}

// options parses a command's arguments as getopt_long does: short options can be
// bundled, and operands can be anywhere. Of valued, the short options and the long
// ones that take a value.
func options(args []arg, short string, long ...string) (opts []option, operands []arg) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a.s == "--":
			return opts, append(operands, args[i+1:]...)
		case strings.HasPrefix(a.s, "--"):
			o, more := longOption(a.text, long)
			if more && i+1 < len(args) {
				i++
				o.value = args[i].text
			}
			opts = append(opts, o)
		case len(a.s) > 1 && a.s[0] == '-':
			all, more := bundle(a.text, short)
			if more && i+1 < len(args) {
				i++
				all[len(all)-1].value = args[i].text
			}
			opts = append(opts, all...)
		default:
			operands = append(operands, a)
		}
	}
	return opts, operands
}

// longOption is --name or --name=value; more says that its value comes next.
func longOption(t text, valued []string) (o option, more bool) {
	name, _, ok := strings.Cut(t.s[2:], "=")
	if ok {
		return option{name, t.slice(2+len(name)+1, len(t.s))}, false
	}
	return option{name: name}, slices.Contains(valued, name)
}

// bundle is -abc, or -uVALUE.
func bundle(t text, valued string) (all []option, more bool) {
	for i := 1; i < len(t.s); i++ {
		o := option{name: t.s[i : i+1]}
		if strings.IndexByte(valued, t.s[i]) >= 0 {
			o.value = t.slice(i+1, len(t.s))
			return append(all, o), i+1 == len(t.s)
		}
		all = append(all, o)
	}
	return all, false
}

package dockerfile

import (
	"path"
	"slices"
	"strings"
)

// wrapper is a program that starts another one.
type wrapper struct {
	short string   // options with a value
	long  []string // likewise
	user  []string // options whose value is the user that it runs as
	skip  int      // operands before the command
	as    bool     // the first operand is a user
}

var wrappers = map[string]wrapper{
	"busybox": {}, "command": {}, "exec": {short: "a"}, "nohup": {}, "builtin": {}, "time": {short: "fo"}, "setsid": {},
	"env":     {short: "uCS", long: []string{"unset", "chdir"}},
	"nice":    {short: "n", long: []string{"adjustment"}},
	"ionice":  {short: "cn"},
	"stdbuf":  {short: "ioe"},
	"timeout": {short: "sk", long: []string{"signal", "kill-after"}, skip: 1},
	"chroot":  {long: []string{"userspec", "groups"}, user: []string{"userspec"}, skip: 1},
	"xargs":   {short: "EILPadns", long: []string{"max-args", "max-procs", "arg-file", "delimiter"}},
	"sudo":    {short: "ughpCrtD", long: []string{"user", "group"}, user: []string{"u", "user"}},
	"doas":    {short: "uC", user: []string{"u"}},
	"runuser": {short: "ugG", long: []string{"user", "group"}, user: []string{"u", "user"}},
	"chpst":   {short: "uUebmdopfcrtln", user: []string{"u", "U"}},
	"setpriv": {long: []string{"reuid", "regid", "groups", "ruid", "euid", "rgid", "egid"}, user: []string{"reuid", "ruid", "euid"}},
	"gosu":    {skip: 1, as: true}, "su-exec": {skip: 1, as: true}, "setuidgid": {skip: 1, as: true}, "fakeroot": {},
}

// unwrap takes off the programs that only start another one, and gives the user
// that they start it as.
func (s shell) unwrap(args []arg) (rest []arg, as text) {
	for range maxDepth * 2 {
		if len(args) < 2 {
			break
		}
		name := path.Base(args[0].s)
		w, ok := wrappers[name]
		if !ok {
			break
		}
		s.run.Commands = append(s.run.Commands, name)
		n, opts := leading(args[1:], w)
		for _, o := range opts {
			if slices.Contains(w.user, o.name) {
				as = o.value
			}
			if o.name == "regid" {
				s.use(o.value, true, Runs)
			}
		}
		args = args[1+n:]
		for name == "env" && len(args) > 0 && strings.Contains(args[0].s, "=") {
			args = args[1:]
		}
		for i := 0; i < w.skip && len(args) > 0; i++ {
			if w.as {
				as = args[0].text
			}
			args = args[1:]
		}
	}
	return args, as
}

// leading are the options that come before the command, and how many words they
// are.
func leading(args []arg, w wrapper) (n int, opts []option) {
	for n < len(args) && strings.HasPrefix(args[n].s, "-") && len(args[n].s) > 1 {
		if args[n].s == "--" {
			return n + 1, opts
		}
		end := min(n+2, len(args))
		found, operands := options(args[n:end], w.short, w.long...)
		opts = append(opts, found...)
		n = end - len(operands)
	}
	return n, opts
}

package dockerfile

import "strings"

// tar notes where a tar that extracts takes --no-same-owner: GNU tar, bsdtar and
// busybox all know it. Old-style options ("tar xf A") must stay first, so there it
// goes to the end.
func (s shell) tar(args []arg) {
	if len(args) < 2 {
		return
	}
	extracts, keeps, old := false, true, false
	for i, a := range args[1:] {
		switch {
		case a.s == "--extract" || a.s == "--get":
			extracts = true
		case a.s == "--no-same-owner":
			keeps = false
		case strings.HasPrefix(a.s, "--owner="):
			s.use(a.slice(len("--owner="), len(a.s)), false, Gives)
		case strings.HasPrefix(a.s, "--group="):
			s.use(a.slice(len("--group="), len(a.s)), true, Gives)
		case strings.HasPrefix(a.s, "--"):
		case strings.HasPrefix(a.s, "-") || i == 0 && a.s != "":
			old = old || i == 0 && a.s[0] != '-'
			letters, _, _ := strings.Cut(strings.TrimPrefix(a.s, "-"), "f")
			extracts = extracts || strings.Contains(letters, "x")
			keeps = keeps && (!strings.Contains(letters, "x") || !strings.Contains(letters, "o"))
		}
	}
	if !extracts || !keeps {
		return
	}
	s.run.Extracts = true
	end := args[0].end
	if old {
		end = args[len(args)-1].end
	}
	if end.in == s.in && end.in != nil {
		s.run.Tars = append(s.run.Tars, Insertion{end.at, " --no-same-owner"})
	}
}

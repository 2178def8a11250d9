package remap

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/sh"
	"github.com/docker-userns/docker-userns/internal/survey"
)

//go:embed change/*.sh
var scriptParts embed.FS

// Script is the rollback as one script for sh, to be kept as "change.sh" in the
// change's folder, which is root's alone. It needs nothing but a POSIX shell and
// coreutils or busybox, and knows all that it has to:
//
//	arm SECONDS     back up the files, and have the host undo the change by then
//	renew SECONDS   from now on, instead
//	restart         stop the containers, then the daemon, and start it again, for the change
//	keep            the change is good: nothing will undo it any more
//	undo            take it back now, in this process
//	fire            the same, by systemd if there is one: it goes on if the caller is cut off
//	status          lines of id, armed, verdict, result, booted and due (seconds since 1970)
//	add FILE LINE   a line of /etc/subuid or /etc/subgid, under the locks of shadow
//	drop FILE LINE  likewise
//	forget          delete the account that the change made, if it is still the same
//
// It exits with 0 done, 1 not done, 2 wrong usage, 4 the other one of keep and undo
// was quicker, 75 another change is under way. All can be called again, whatever
// became of the call before. What it says goes to stderr, and to "log" in the folder.
// There are also "verdict", a symlink to what was decided ("kept" or "undone");
// "result", one line, the same word once all is done, or "failed: " and why; "notes",
// what a person has to know; "made", what it left on the host that did not exist
// before, and how that looks; "backup" and "theirs", the files as they were and as
// somebody else edited them, each under its whole path.
func (c Change) Script() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n# The rollback of one change of userns-remap. 'sh %s/change.sh undo' runs it.\n", c.Dir())
	for _, v := range []struct{ name, value string }{
		{"id", c.ID}, {"dir", c.Dir()}, {"lock", survey.PendingLink}, {"unit", c.Unit}, {"socket", c.Socket},
		{"account", c.Account}, {"comment", c.Comment()}, {"tree", c.Tree}, {"twin", c.Twin}, {"aside", c.Aside}, {"rights", c.Rights}, {"running", strings.Join(c.Running, " ")}, {"data_root", c.DataRoot}, {"new_root", c.NewRoot}, {"endpoint", cmp.Or(c.Endpoint, defaultSocket)}, {"down", map[bool]string{true: "yes"}[c.Down]},
	} {
		fmt.Fprintf(&b, "%s=%s\n", v.name, sh.Quote(v.value))
	}
	b.WriteString("\n# each_file COMMAND…: calls it with PATH BEFORE AFTER ADDED for each file of the\n# change: the sums before and after, \"\" no file, and the text that it adds.\neach_file() {\n\tmissed=0\n")
	for _, f := range c.Files() {
		fmt.Fprintf(&b, "\t\"$@\" %s %s %s %s || missed=1\n", sh.Quote(f.Path), sh.Quote(f.Before), sh.Quote(f.After), sh.Quote(f.Added))
	}
	b.WriteString("\treturn \"$missed\"\n}\n")
	for _, part := range parts() {
		b.WriteString("\n" + part)
	}
	return []byte(b.String())
}

// parts are those of the script in their order.
func parts() []string {
	names, err := fs.Glob(scriptParts, "change/*.sh")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	var all []string
	for _, name := range names {
		text, err := scriptParts.ReadFile(name)
		if err != nil {
			panic(err) // it was just listed
		}
		all = append(all, string(text))
	}
	return all
}

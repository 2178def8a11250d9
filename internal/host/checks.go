package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// checkPaths: only an absolute path means the same to every implementation, and
// none that begins with a dash can be read as an option.
func checkPaths(lists ...[]string) error {
	for _, p := range slices.Concat(lists...) {
		switch {
		case strings.Contains(p, "\x00"):
			return &fs.PathError{Op: "reading", Path: p, Err: errNUL}
		case !strings.HasPrefix(p, "/"):
			return &fs.PathError{Op: "reading", Path: p, Err: errors.New("not an absolute path")}
		}
	}
	return nil
}

// checkReads does the same for files to be read.
func checkReads(paths []Path) error {
	for _, p := range paths {
		if err := checkPaths([]string{p.Name}); err != nil {
			return err
		}
		if p.Root != "" {
			if err := checkPaths([]string{p.Root}); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkQuestions(q Questions) error {
	if err := checkPaths(q.Files, q.Stats, q.Attrs, q.Reals, q.Dirs, q.Links, q.Spaces); err != nil {
		return err
	}
	if err := checkReads(q.Inside); err != nil {
		return err
	}
	for _, l := range q.Lines {
		if err := checkPaths(l.Globs); err != nil {
			return err
		}
		for _, g := range l.Globs {
			if _, err := path.Match(g, ""); err != nil {
				return fmt.Errorf("reading %s: %w", g, err)
			}
		}
	}
	for _, c := range q.Commands {
		if err := checkCommand(c); err != nil {
			return err
		}
	}
	return nil
}

// checkCommand refuses what env(1), which starts the command in a shell, would
// read as something else than a command.
func checkCommand(c Command) error {
	if len(c.Args) == 0 || c.Args[0] == "" || c.Args[0][0] == '-' || strings.Contains(c.Args[0], "=") {
		return fmt.Errorf("running %q: not the name of a command", c.Args)
	}
	for _, e := range c.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" || name[0] == '-' {
			return fmt.Errorf("running %s: %q is not KEY=value", c.Args[0], e)
		}
	}
	for _, s := range slices.Concat(c.Args, c.Env) {
		if strings.Contains(s, "\x00") {
			return fmt.Errorf("running %s: an argument %w", c.Args[0], errNUL)
		}
	}
	return nil
}

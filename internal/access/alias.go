package access

import (
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// aliases decides on the other names that a path has because a file system, or a
// part of it, is mounted in several places: /srv/x can be /etc. Each of them has
// to be allowed too, and so has each other name of what lies below the path.
func aliases(f survey.Facts, real string, pass bool) *Refusal {
	if f.MountTable.Err != nil {
		return &Refusal{Why: "could not determine what is mounted there: " + f.MountTable.Err.Error()}
	}
	at, inside, ok := survey.MountOf(f.MountTable.Value, real)
	if !ok {
		return &Refusal{Why: "could not determine what is mounted there"}
	}
	if !slices.Contains(disks, at.Type) {
		return &Refusal{Why: "it is on a file system of the type " + at.Type, Instead: "mount a folder such as /srv/NAME"}
	}
	for _, m := range f.MountTable.Value {
		if m.Device != at.Device {
			continue
		}
		var other string
		switch {
		case survey.Within(inside, m.Root):
			other = path.Join(m.Point, strings.TrimPrefix(inside, strings.TrimSuffix(m.Root, "/")))
		case survey.Within(m.Root, inside) && !pass:
			other = m.Point
		}
		if other == "" || other == real || hidden(f.MountTable.Value, m, other) {
			continue
		}
		if r := place(f, other, pass); r != nil {
			return &Refusal{Why: "it is " + other + " too, and " + r.Why, Instead: r.Instead}
		}
	}
	return nil
}

// hidden reports whether a name leads to another mount, one that was made over it.
func hidden(table []survey.MountPoint, m survey.MountPoint, name string) bool {
	on, _, _ := survey.MountOf(table, name)
	return on != m
}

// mountsBelow reports whether something is mounted below a directory.
func mountsBelow(f survey.Facts, real string) bool {
	return slices.ContainsFunc(f.MountTable.Value, func(m survey.MountPoint) bool {
		return m.Point != real && survey.Within(m.Point, real)
	})
}

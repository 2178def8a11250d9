package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker/go-units"
)

// Leaving is what disable shows before it asks: what goes out of use, what comes back,
// what would be deleted, and the steps.
type Leaving struct {
	Facts survey.Facts
	Plan  remap.Plan
	Sides remap.Sides
	// Unseen is why the sides are not known whole, which is no reason not to go back.
	Unseen error
}

// Text is that for a reader. Names that both data roots have come first among what can
// surprise: what was written with remap on is not seen without it.
func (l Leaving) Text(s Style) string {
	var b strings.Builder
	if l.Plan.Before.Remapped {
		if l.Plan.Carry == nil {
			l.outOfUse(&b)
			l.onBothSides(&b)
		} else {
			b.WriteString(carried(l.Plan.Carry, s) + "\n")
		}
		l.mounts(&b)
		if l.Unseen != nil {
			fmt.Fprintf(&b, "Could not determine which data is newer, and what mapped users own on the host: %s\n\n", escape.Line(l.Unseen.Error()))
		}
	}
	for _, t := range l.Plan.Trees {
		fmt.Fprintf(&b, "%s holds %s: %s, %s\n", escape.Line(t.Path), units.HumanSize(float64(t.Size)),
			report.Count(t.Containers, "container"), report.Count(t.Images, "image"))
		for _, v := range t.Volumes {
			fmt.Fprintf(&b, "  - volume %s: %s\n", escape.Line(v.Name), units.HumanSize(float64(v.Size)))
		}
		b.WriteString("\n")
	}
	b.WriteString("The plan:\n" + Plan(l.Plan, s))
	return b.String()
}

func (l Leaving) outOfUse(b *strings.Builder) {
	f := l.Facts
	lines := []string{
		listed("containers", f.Containers, func(c survey.Container) string {
			if c.Running() {
				return c.Name + " (running)"
			}
			return c.Name
		}),
		listed("volumes", f.Volumes, func(v survey.Volume) string { return v.Name }),
		listed("networks", f.Networks, func(n survey.Network) string { return n.Name }),
		listed("images", f.Images, func(i survey.Image) string { return strings.Join(i.Tags, ", ") }),
	}
	lines = slices.DeleteFunc(lines, func(s string) bool { return s == "" })
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "These stay in %s and are not available while userns-remap is off:\n%s", escape.Line(l.Plan.Before.DataRoot), strings.Join(lines, ""))
	if l.Plan.Restarts && l.wereCarried() {
		b.WriteString("To take them back as they are now, add --carry; with --dry-run it shows how long that takes\n")
	}
	b.WriteString("\n")
}

// wereCarried reports whether containers were carried over: both data roots have them.
func (l Leaving) wereCarried() bool {
	return slices.ContainsFunc(l.Facts.Containers.Value, func(c survey.Container) bool {
		return slices.ContainsFunc(l.Plan.After.Containers, func(o remap.Object) bool { return o.ID == c.ID })
	})
}

// listed is a line of names, "" if there are none.
func listed[T any](kind string, items survey.Read[[]T], name func(T) string) string {
	if items.Err != nil {
		return fmt.Sprintf("  %s: %s\n", kind, escape.Line(report.Why(items.Err)))
	}
	var names []string
	for _, item := range items.Value {
		if n := name(item); n != "" {
			names = append(names, escape.Line(n))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("  %s: %s\n", kind, strings.Join(names, ", "))
}

// onBothSides points out what both data roots have under one name.
func (l Leaving) onBothSides(b *strings.Builder) {
	there := escape.Line(l.Plan.After.DataRoot)
	b.WriteString(twinsText(l.Sides, "Without", there))
	var same []string
	for _, n := range l.Facts.Networks.Value {
		if hasName(l.Plan.After.Networks, n.Name) {
			same = append(same, "network "+escape.Line(n.Name))
		}
	}
	for _, c := range l.Facts.Containers.Value {
		if hasName(l.Plan.After.Containers, c.Name) {
			same = append(same, "container "+escape.Line(c.Name))
		}
	}
	same = append(same, l.images()...)
	switch {
	case len(same) > 0:
		fmt.Fprintf(b, "These names exist in %s too, as they were before remap: %s\n\n", there, strings.Join(same, ", "))
	case !l.Plan.Recorded:
		fmt.Fprintf(b, "There is no record of the containers, networks and images in %s, because userns-remap was not turned on by 'docker userns enable', or was changed since.\n\n", there)
	}
}

// images are those whose tags both sides have, and whether each is the same one.
func (l Leaving) images() (same []string) {
	for _, i := range l.Facts.Images.Value {
		for _, tag := range i.Tags {
			at := slices.IndexFunc(l.Plan.After.Images, func(t remap.Object) bool { return slices.Contains(strings.Split(t.Name, ", "), tag) })
			switch {
			case at < 0:
			case l.Plan.After.Images[at].ID == i.ID:
				same = append(same, "image "+escape.Line(tag))
			default:
				same = append(same, "image "+escape.Line(tag)+" (with another ID)")
			}
		}
	}
	return same
}

func hasName(things []remap.Object, name string) bool {
	return slices.ContainsFunc(things, func(t remap.Object) bool { return t.Name == name })
}

// mounts names what mapped users own outside of the data root.
func (l Leaving) mounts(b *strings.Builder) {
	var taken, known, unknown []string
	for _, w := range l.Sides.Mounts {
		if l.takes(w.Path) {
			taken = append(taken, escape.Line(w.Path))
			continue
		}
		of := fmt.Sprintf("  - %s, mounted by %s", escape.Line(w.Path), escape.Line(strings.Join(w.Containers, ", ")))
		if w.Known {
			known = append(known, of+": "+report.Count(w.Files, "file")+"\n")
		} else {
			unknown = append(unknown, of+"\n")
		}
	}
	if len(taken) > 0 {
		fmt.Fprintf(b, "Files of mapped users in these directories of the host get the owners that they have without remap: %s\n\n", strings.Join(taken, ", "))
	}
	if len(known) > 0 {
		fmt.Fprintf(b, "These directories of the host contain files of mapped users, which containers that do not run as root may be unable to open without remap; change their owners back once userns-remap is off:\n%s\n", strings.Join(known, ""))
	}
	if len(unknown) > 0 {
		fmt.Fprintf(b, "Could not determine in time whether mapped users own files in:\n%s\n", strings.Join(unknown, ""))
	}
}

// takes reports whether the plan takes rights to a path back, and with them what mapped users
// own there.
func (l Leaving) takes(path string) bool {
	return l.Plan.Rights != "" && slices.ContainsFunc(l.Plan.Grants.Job.Grants, func(g grant.Grant) bool {
		return g.Path == path || g.Tree && survey.Within(path, g.Path)
	})
}

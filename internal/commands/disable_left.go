package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker/go-units"
)

// leaving is what disable shows before it asks: what goes out of use, what
// comes back, and what would be deleted.
type leaving struct {
	facts survey.Facts
	plan  remap.Plan
	sides remap.Sides
	// unseen is why the sides are not known whole, which is no reason not to go back.
	unseen error
	// notRemoved are sentences about what was to be removed and is not.
	notRemoved []string
}

// text says it. Names that both data roots have come first among what can
// surprise: what was written with remap on is not seen without it.
func (l leaving) text() string {
	var b strings.Builder
	if l.plan.Before.Remapped {
		l.outOfUse(&b)
		l.onBothSides(&b)
		l.mounts(&b)
		if l.unseen != nil {
			fmt.Fprintf(&b, "What is newer, and what mapped users own on the host, is unknown: %s\n\n", escape.Line(l.unseen.Error()))
		}
	}
	for _, t := range l.plan.Trees {
		fmt.Fprintf(&b, "%s holds %s: %s, %s\n", escape.Line(t.Path), units.HumanSize(float64(t.Size)),
			report.Count(t.Containers, "container"), report.Count(t.Images, "image"))
		for _, v := range t.Volumes {
			fmt.Fprintf(&b, "  - volume %s: %s\n", escape.Line(v.Name), units.HumanSize(float64(v.Size)))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (l leaving) outOfUse(b *strings.Builder) {
	f := l.facts
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
	fmt.Fprintf(b, "These stay in %s, and are not available while userns-remap is off:\n%s\n", escape.Line(l.plan.Before.DataRoot), strings.Join(lines, ""))
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
func (l leaving) onBothSides(b *strings.Builder) {
	there := escape.Line(l.plan.After.DataRoot)
	b.WriteString(twinsText(l.sides, "Without", there))
	var same []string
	for _, n := range l.facts.Networks.Value {
		if hasName(l.plan.After.Networks, n.Name) {
			same = append(same, "network "+escape.Line(n.Name))
		}
	}
	for _, c := range l.facts.Containers.Value {
		if hasName(l.plan.After.Containers, c.Name) {
			same = append(same, "container "+escape.Line(c.Name))
		}
	}
	same = append(same, l.images()...)
	switch {
	case len(same) > 0:
		fmt.Fprintf(b, "These names exist in %s too, as they were before remap: %s\n\n", there, strings.Join(same, ", "))
	case !l.plan.Recorded:
		fmt.Fprintf(b, "Which containers, networks and images %s has is not recorded, since userns-remap was not turned on by 'docker userns enable', or was changed since.\n\n", there)
	}
}

// twinsText points out the volumes that both data roots have; with is "With" or
// "Without", and next the data root that containers use then.
func twinsText(s remap.Sides, with, next string) string {
	var b strings.Builder
	if s.Unread != nil {
		fmt.Fprintf(&b, "Which volumes %s has is unknown: %s\n\n", next, escape.Line(report.Why(s.Unread)))
	}
	if len(s.Volumes) > 0 {
		fmt.Fprintf(&b, "These volumes exist in both data roots, each with its own data. %s remap, containers use the data in %s:\n", with, next)
		for _, t := range s.Volumes {
			fmt.Fprintf(&b, "  - %s: %s\n", escape.Line(t.Name), newerText(t))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// images are those whose tags both sides have, and whether each is the same one.
func (l leaving) images() (same []string) {
	for _, i := range l.facts.Images.Value {
		for _, tag := range i.Tags {
			at := slices.IndexFunc(l.plan.After.Images, func(t remap.Object) bool { return slices.Contains(strings.Split(t.Name, ", "), tag) })
			switch {
			case at < 0:
			case l.plan.After.Images[at].ID == i.ID:
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

const lastWritten = "2006-01-02 15:04:05 UTC"

// newerText says which of two volumes of a name was written last.
func newerText(t remap.Twin) string {
	order, known := t.Newer()
	switch {
	case !known:
		return "which one is newer is unknown: it could not be found out in time; compare " + escape.Line(t.CurrentPath) + " with " + escape.Line(t.NextPath)
	case t.Current.Empty && t.Next.Empty:
		return "both are empty"
	case order > 0 && t.Next.Empty:
		return "the one that stays behind has data, last written " + t.Current.At.Format(lastWritten) + "; the other one is EMPTY"
	case order > 0:
		return fmt.Sprintf("the one that stays behind is NEWER, last written %s; containers go back to data of %s", t.Current.At.Format(lastWritten), t.Next.At.Format(lastWritten))
	case t.Current.Empty:
		return "the one that stays behind is empty"
	case order == 0:
		return "both were last written at " + t.Next.At.Format(lastWritten)
	}
	return fmt.Sprintf("the one that stays behind is older, last written %s; the other one %s", t.Current.At.Format(lastWritten), t.Next.At.Format(lastWritten))
}

// mounts names what mapped users own outside of the data root.
func (l leaving) mounts(b *strings.Builder) {
	var known, unknown []string
	for _, w := range l.sides.Mounts {
		of := fmt.Sprintf("  - %s, mounted by %s", escape.Line(w.Path), escape.Line(strings.Join(w.Containers, ", ")))
		if w.Known {
			known = append(known, of+": "+report.Count(w.Files, "file")+"\n")
		} else {
			unknown = append(unknown, of+"\n")
		}
	}
	if len(known) > 0 {
		fmt.Fprintf(b, "Files of mapped users are in these folders of the host. Containers without remap do not own them, and unless they run as root may not be able to open them; change their owners back once userns-remap is off:\n%s\n", strings.Join(known, ""))
	}
	if len(unknown) > 0 {
		fmt.Fprintf(b, "Whether mapped users own files in these could not be found out in time:\n%s\n", strings.Join(unknown, ""))
	}
}

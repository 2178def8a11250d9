package render

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// carried is what a plan copies, what it leaves out, and what that takes.
func carried(c *remap.Carry, s Style) string {
	if c == nil {
		return ""
	}
	var b strings.Builder
	if !c.Job.Back {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "Carried over to %s:\n", escape.Line(c.Job.Place))
	items(&b, "image", c.Images)
	items(&b, "volume", c.Volumes)
	if len(c.Networks) > 0 {
		var names []string
		for _, n := range c.Networks {
			names = append(names, n.String())
		}
		fmt.Fprintf(&b, "  %s: %s\n", report.Count(len(names), "network"), s.wrapped(escape.Line(strings.Join(names, ", ")), 4, 4))
	}
	items(&b, "container", c.Containers)
	if k := c.Job.Kept; len(k.Images)+len(k.Volumes)+len(k.Containers) > 0 {
		fmt.Fprintf(&b, "Kept there: %s\n", remap.Counts(map[survey.ObjectKind]int{
			survey.KindImage: len(k.Images), survey.KindVolume: len(k.Volumes), survey.KindContainer: len(k.Containers),
		}))
	}
	leftOut(&b, c.LeftOut, s)
	if c.Job.Aside != "" {
		b.WriteString(s.wrapped(fmt.Sprintf("What %s has now moves to %s, and comes back if the change is undone", escape.Line(c.Job.Place), escape.Line(c.Job.Aside)), 0, 0) + "\n")
	}
	fmt.Fprintf(&b, "\nSpace: the copy needs %s; %s has %s free\n", sizeOf(c.Need), escape.Line(c.Job.From), sizeOf(c.Free))
	fmt.Fprintf(&b, "Time: the copy takes %s while everything runs, and adds %s to the outage\n", c.Copying, c.Outage)
	return b.String()
}

// items lists what is carried of a kind, the largest first.
func items(b *strings.Builder, kind string, all []remap.Item) {
	if len(all) == 0 {
		return
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b remap.Item) int { return int(min(max(b.Bytes-a.Bytes, -1), 1)) })
	fmt.Fprintf(b, "  %s\n", report.Count(len(all), kind))
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, one := range all {
		fmt.Fprintf(w, "    %s\t%s\t%s", escape.Line(one.String()), size(one.Bytes), report.Count(int(one.Files), "file"))
		if len(one.Notes) > 0 {
			fmt.Fprintf(w, "\t%s", escape.Line(strings.Join(one.Notes, "; ")))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // a Builder takes all
}

// leftOut lists what is not carried, with all that has one reason together.
func leftOut(b *strings.Builder, all []remap.LeftOut, s Style) {
	b.WriteString("Left out:\n")
	var reasons []string
	names := map[string][]string{}
	for _, l := range all {
		if !slices.Contains(reasons, l.Why) {
			reasons = append(reasons, l.Why)
		}
		names[l.Why] = append(names[l.Why], string(l.Kind)+" "+l.Name)
	}
	for _, why := range reasons {
		b.WriteString("  - " + s.wrapped(fmt.Sprintf("%s: %s", escape.Line(strings.Join(names[why], ", ")), escape.Line(why)), 4, 4) + "\n")
	}
	b.WriteString("  - plugins and the build cache\n")
}

func sizeOf(s carry.Size) string {
	text := size(s.Bytes)
	if s.Files >= 0 {
		text += fmt.Sprintf(" and %s", report.Count(int(s.Files), "inode"))
	}
	return text
}

func size(bytes int64) string { return units.HumanSize(float64(bytes)) }

// Copying is how far a copy is, and how long it may still take.
func Copying(c *remap.Carry, s carry.State, since time.Duration) string {
	if s.Passes > 0 {
		return fmt.Sprintf("copying again what changed meanwhile: %s, at %s", report.Count(int(s.Files), "file"), escape.Line(s.At))
	}
	text := fmt.Sprintf("copying: %s of %s, %d of %s, at %s", size(s.Bytes), size(c.All.Bytes),
		s.Files, report.Count(int(c.All.Files), "file"), escape.Line(s.At))
	done := max(share(s.Bytes, c.All.Bytes), share(s.Files, c.All.Files))
	if since > 5*time.Second && done > 0.02 && done < 1 {
		text += fmt.Sprintf(", about %s left", time.Duration(float64(since)*(1-done)/done).Round(time.Second))
	}
	return text
}

func share(of, all int64) float64 { return float64(of) / float64(max(all, 1)) }

// carriedOver counts what was carried.
func carriedOver(r carry.Result, c *remap.Carry) string {
	n := map[survey.ObjectKind]int{survey.KindImage: len(r.Images), survey.KindVolume: len(r.Volumes), survey.KindContainer: len(r.Containers)}
	if r.Networks {
		n[survey.KindNetwork] = len(c.Networks)
	}
	return remap.Counts(n)
}

// Carried is what was copied and proven.
func (c Change) Carried(r carry.Result, compared carry.Compared, last carry.State) string {
	text := fmt.Sprintf("      %s are in the engine; %s (%s) compared with the originals: equal, with shifted owners\n",
		carriedOver(r, c.Plan.Carry), report.Count(int(compared.Files), "file"), size(compared.Bytes))
	for _, l := range []struct {
		names []string
		what  string
	}{
		{c.Plan.Carry.Names(r.Gone), "removed while the copy was made, and not carried"},
		{r.New, "made after the plan, and not carried: they are in " + escape.Line(c.Plan.Before.DataRoot)},
	} {
		if len(l.names) > 0 {
			text += fmt.Sprintf("      %s: %s\n", l.what, escape.Line(strings.Join(l.names, ", ")))
		}
	}
	if last.Flagged > 0 {
		text += fmt.Sprintf("      %s immutable (chattr +i), and not so in the copy\n", report.Counted(int(last.Flagged), "file was", "files were"))
	}
	return text
}

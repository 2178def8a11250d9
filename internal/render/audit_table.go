package render

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker/cli/cli/command/formatter"
)

// auditTable is what a person reads: a line an image, then what is wrong with
// each and what to write instead.
type auditTable struct {
	AuditOptions
	w       io.Writer
	style   Style
	reports []audit.Report
	ignored int // findings
}

func (a *auditTable) Add(r audit.Report) error {
	r, ignored := r.Shown()
	a.ignored += ignored
	a.reports = append(a.reports, r)
	return nil
}

func (a *auditTable) End(unread int) error {
	if len(a.reports) == 0 {
		return nil
	}
	var b strings.Builder
	a.summary(&b)
	fmt.Fprintf(&b, "\nID map: %s (%s)\n", a.Map.String(), a.MapText)
	for _, r := range a.reports {
		a.image(&b, r)
	}
	a.total(&b, unread)
	_, err := io.WriteString(a.w, b.String())
	return err
}

func (a *auditTable) summary(w io.Writer) {
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	fmt.Fprintln(tw, "IMAGE\tPLATFORM\tVERDICT\tSTARTS\tLAYERS\tENTRIES\tUNMAPPED\tMAP NEEDED")
	for _, r := range a.reports {
		t := total(r)
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", shortName(r), escape.Line(r.Platform), r.Verdict,
			yesNo(r.Startable), len(r.Layers), t.entries, t.unmapped, needed(r.Required))
	}
	_ = tw.Flush()
}

// total ends the answer about several images, and says what was left out.
func (a *auditTable) total(w io.Writer, unread int) {
	var refused, still int
	for _, r := range a.reports {
		switch {
		case r.Verdict != audit.Mappable:
			refused++
		case !r.Startable:
			still++
		}
	}
	if n := len(a.reports) + unread; n > 1 {
		fmt.Fprintf(w, "\n%s: %d mappable, %d unmappable", report.Count(n, "image"), len(a.reports)-refused, refused)
		if still > 0 {
			fmt.Fprintf(w, ", %d cannot start", still)
		}
		if unread > 0 {
			fmt.Fprintf(w, ", %d could not be read", unread)
		}
		fmt.Fprintln(w)
	}
	if a.ignored > 0 {
		fmt.Fprintf(w, "\n%s ignored, as --ignore-file says\n", report.Counted(a.ignored, "finding is", "findings are"))
	}
}

// shortName is the image's name, or its ID cut short if it has none.
func shortName(r audit.Report) string {
	if len(r.Names) > 0 {
		return escape.Line(strings.Join(r.Names, ", "))
	}
	if r.Image != "" && r.Image != r.ID {
		return escape.Line(r.Image)
	}
	return escape.Line(formatter.TruncateID(r.ID))
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// needed is the size of map that takes the image: one number where UIDs and
// GIDs are alike.
func needed(r audit.Required) string {
	switch {
	case r.UID < 0 || r.GID < 0:
		return "none can"
	case r.UID == r.GID:
		return fmt.Sprint(r.UID)
	}
	return report.Count(int(r.UID), "UID") + ", " + report.Count(int(r.GID), "GID")
}

// image prints the findings of one image, grouped by what cures them.
func (a *auditTable) image(w io.Writer, r audit.Report) {
	for _, g := range grouped(r.Findings) {
		fmt.Fprintln(w)
		a.heading(w, r, g[0])
		for i, f := range g {
			a.finding(w, f)
			if i+1 == len(g) || g[i+1].Cause != f.Cause {
				a.why(w, f)
			}
		}
		a.cure(w, r, g[0])
	}
	if a.Asked != nil && len(r.Findings) == 0 {
		fmt.Fprintf(w, "\n%s %s: nothing in it %s\n", a.style.mark("•", "-"), a.style.strong(shortName(r)), escape.Line(nothing(a.Asked)))
	}
	a.bars(w, r)
}

// nothing says what was looked for in vain.
func nothing(asked *audit.Asked) string {
	if len(asked.IDs) == 0 {
		return "is " + asked.String()
	}
	return "belongs to " + asked.String()
}

// grouped puts findings of a layer that follow each other and have one cure together.
func grouped(all []audit.Finding) (groups [][]audit.Finding) {
	for i, f := range all {
		if i > 0 && all[i-1].Layer == f.Layer && all[i-1].Severity == f.Severity && all[i-1].Fix == f.Fix {
			groups[len(groups)-1] = append(groups[len(groups)-1], f)
			continue
		}
		groups = append(groups, []audit.Finding{f})
	}
	return groups
}

func (a *auditTable) heading(w io.Writer, r audit.Report, f audit.Finding) {
	mark := a.style.bad(a.style.mark("✗", "x"))
	switch f.Severity {
	case audit.Warning:
		mark = a.style.warn(a.style.mark("!", "!"))
	case audit.Note:
		mark = a.style.mark("•", "-")
	}
	fmt.Fprintf(w, "%s %s: %s\n", mark, a.style.strong(shortName(r)), a.where(r, f))
}

// maxCandidates is how many instructions of a layer are listed.
const maxCandidates = 8

// where names the layer and the instruction that made it.
func (a *auditTable) where(r audit.Report, f audit.Finding) string {
	if f.Layer < 0 || f.Layer >= len(r.Layers) {
		return "the image's configuration"
	}
	l := r.Layers[f.Layer]
	s := fmt.Sprintf("layer %d of %d", f.Layer+1, len(r.Layers))
	if l.Base {
		s += ", of the base image"
	}
	if len(l.Candidates) > 0 {
		s += ", made by one of"
		for i, in := range l.Candidates {
			if i == maxCandidates {
				s += fmt.Sprintf("\n    and %d more", len(l.Candidates)-i)
				break
			}
			s += "\n    " + a.style.strong(escape.Line(in))
		}
	} else if l.Instruction != "" {
		s += ", made by\n    " + a.style.strong(escape.Line(l.Instruction))
	}
	if r.Dockerfile != nil {
		if at := r.Lines()[f.Layer]; at.Start > 0 {
			s += "\n    " + lines(escape.Line(r.Dockerfile.Name), at)
			if a.Dockerfile == nil {
				s += ", as the image's provenance has it"
			}
		}
	}
	return s
}

func lines(file string, at audit.Lines) string {
	if at.Start == at.End {
		return fmt.Sprintf("%s, line %d", file, at.Start)
	}
	return fmt.Sprintf("%s, lines %d to %d", file, at.Start, at.End)
}

func (a *auditTable) finding(w io.Writer, f audit.Finding) {
	fmt.Fprintf(w, "  %s\n", escape.Line(a.what(f)))
	for _, p := range f.Paths {
		fmt.Fprintf(w, "      %s\n", escape.Line(p))
	}
	if more := f.Count - int64(len(f.Paths)); more > 0 && len(f.Paths) > 0 {
		fmt.Fprintln(w, a.style.faint(fmt.Sprintf("      and %d more; --no-trunc lists them all", more)))
	}
	switch f.LaterLayer {
	case audit.Chowned:
		fmt.Fprintf(w, "    A later layer gives %s a mapped owner. That does not help: the engine registers each layer separately.\n", them(f.Count))
	case audit.Removed:
		fmt.Fprintf(w, "    A later layer removes %s. That does not help: the engine registers each layer separately.\n", them(f.Count))
	}
}

func (a *auditTable) why(w io.Writer, f audit.Finding) {
	if why := causeText[f.Cause]; why != "" && f.Severity != audit.Note && f.Layer >= 0 {
		fmt.Fprintf(w, "  %s %s\n", a.style.faint("Why: "), why)
	}
}

// cure prints what to write in the place of which instructions, ready to be pasted.
func (a *auditTable) cure(w io.Writer, r audit.Report, f audit.Finding) {
	label := a.style.good("Cure:") + " "
	line := func(text string) {
		fmt.Fprintf(w, "  %s%s\n", label, text)
		label = strings.Repeat(" ", len("Cure: "))
	}
	for _, c := range f.Changes {
		line(escape.Line(c.Paste()))
		if after := a.after(r, c); after != "" {
			line(a.style.faint(escape.Line(after)))
		}
	}
	for _, also := range f.Also {
		line(escape.Line(also))
	}
	if len(f.Changes)+len(f.Also) == 0 && f.Fix != "" {
		line(escape.Line(f.Fix))
	}
}

// after says where a change goes, and what is to be kept.
func (a *auditTable) after(r audit.Report, c audit.Change) string {
	var all []string
	switch {
	case c.Start > 0 && r.Dockerfile != nil:
		all = append(all, "in "+lines(r.Dockerfile.Name, audit.Lines{Start: c.Start, End: c.End}))
	case !c.Own:
		all = append(all, "in place of "+strings.Join(strings.Fields(c.Old), " "))
	}
	if c.Note != "" && c.New != "" {
		all = append(all, c.Note)
	}
	return strings.Join(all, ", ")
}

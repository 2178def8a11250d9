package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// EnablePlan is what enable shows before it asks: the images that stay behind, what
// both data roots have, and the steps. f is the engine that it is for.
func EnablePlan(f survey.Facts, p remap.Plan, sides remap.Sides, s Style) string {
	return imagesLeft(p, s) + carryHint(f, p, s) + carried(p.Carry, s) + granted(p.Grants, s) + "\n" + twinsText(sides, "With", escape.Line(p.After.DataRoot)) + "The plan:\n" + Plan(p, s)
}

// Reasons are the lines that say why a change is not made: what each of the results
// found, and the commands that fix it on a machine.
func Reasons(on string, failed []report.Result) (lines []string) {
	for _, r := range failed {
		lines = append(lines, fmt.Sprintf("%s (%s)", r.Message, r.ID))
		if len(r.Fix) > 0 {
			lines = append(lines, "On "+on+":")
		}
		for _, command := range r.Fix {
			lines = append(lines, "    "+Command(command))
		}
	}
	return lines
}

// Blocked are the lines that say which checks a change waits for.
func Blocked(ids []string) []string {
	return []string{"", "Blocked by failed checks: " + strings.Join(ids, ", ") + ".", "Fix them, or accept the risk of one with --accept ID"}
}

// imagesLeft names the images that the remapped engine will not have.
func imagesLeft(p remap.Plan, s Style) string {
	if len(p.Before.Images) == 0 || p.Carry != nil {
		return ""
	}
	var names []string
	for _, i := range p.Before.Images {
		names = append(names, escape.Line(i.String()))
	}
	where := "the old data root"
	if p.Before.Containerd {
		where = "the containerd image store"
	}
	text := fmt.Sprintf("%s in %s and must be pulled or loaded again: %s",
		report.Counted(len(names), "image stays", "images stay"), where, strings.Join(names, ", "))
	return "\n" + s.wrapped(text, 0, 0) + "\n"
}

// carryHint says what can be copied, if nobody asked for that.
func carryHint(f survey.Facts, p remap.Plan, s Style) string {
	if p.Carry != nil || !p.Restarts {
		return ""
	}
	var bytes int64
	kinds, sized := "volumes and networks", "volumes"
	if e := f.Engine.Value; !e.ContainerdStore() && e.Driver == "overlay2" && len(f.Images.Value) > 0 {
		kinds, sized = "images, volumes, networks and containers", "images and volumes"
		for _, i := range f.Images.Value {
			bytes += i.Size
		}
	} else if len(f.Volumes.Value) == 0 {
		return ""
	}
	for _, v := range f.Volumes.Value {
		bytes += max(v.Size, 0)
	}
	return s.wrapped(fmt.Sprintf("To copy %s to the remapped engine (%s take up to %s), add --carry; with --dry-run it shows how long that takes", kinds, sized, size(bytes)), 0, 0) + "\n"
}

// Notable leaves out what is as it should be, the two questions that only a person can
// answer, who is asked below, and those with the IDs told, which the plan tells about.
func Notable(r report.Report, told ...string) report.Report {
	r.Results = slices.DeleteFunc(slices.Clone(r.Results), func(one report.Result) bool {
		return one.Status == report.OK || one.Status == report.Skipped || one.Category == check.Person || slices.Contains(told, one.ID)
	})
	return r
}

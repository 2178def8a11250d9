package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
)

// EnablePlan is what enable shows before it asks: the images that stay behind, what
// both data roots have, and the steps.
func EnablePlan(p remap.Plan, sides remap.Sides, s Style) string {
	return imagesLeft(p, s) + "\n" + twinsText(sides, "With", escape.Line(p.After.DataRoot)) + "The plan:\n" + Plan(p, s)
}

// imagesLeft names the images that the remapped engine will not have.
func imagesLeft(p remap.Plan, s Style) string {
	if len(p.Before.Images) == 0 {
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

// Notable leaves out what is as it should be, and the two questions that only a
// person can answer, who is asked below.
func Notable(r report.Report) report.Report {
	r.Results = slices.DeleteFunc(slices.Clone(r.Results), func(one report.Result) bool {
		return one.Status == report.OK || one.Status == report.Skipped || one.Category == check.Person
	})
	return r
}

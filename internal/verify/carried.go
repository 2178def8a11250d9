package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

const (
	catCarried  = "carried over"
	itemCarried = "What was here before remap is here again, or is accepted as missing"
)

var carriedQuestions = []question{
	{Question: report.Question{ID: "carried-containers", Category: catCarried, Title: "The containers from before exist, and those that ran are running", Item: itemCarried}, answer: carried(survey.KindContainer)},
	{Question: report.Question{ID: "carried-volumes", Category: catCarried, Title: "The volumes from before exist, by their names", Item: itemCarried}, answer: carried(survey.KindVolume)},
	{Question: report.Question{ID: "carried-networks", Category: catCarried, Title: "The networks from before exist", Item: itemCarried}, answer: carried(survey.KindNetwork)},
	{Question: report.Question{ID: "carried-images", Category: catCarried, Title: "The images from before exist, by their tags", Item: itemCarried}, answer: carried(survey.KindImage)},
}

// carried compares what the engine has of a kind with what it had before remap
// was turned on. What is missing is a warning until it is accepted.
func carried(k survey.ObjectKind) func(*input) report.Result {
	return func(in *input) report.Result {
		b := in.Before.Value
		switch {
		case in.Before.Err != nil:
			return report.Unread("which "+string(k)+"s existed before", in.Before.Err)
		case b == nil:
			return report.Skip("the host has no record of what existed before remap was turned on")
		case b.DataRoot != in.Engine.Value.DataRoot:
			return report.Skip("the record of change %s is about data root %s, which is not in use", b.Change, b.DataRoot)
		case in.Unlisted(k) != nil:
			return report.Unread("which "+string(k)+"s exist", in.Unlisted(k))
		}
		had := 0
		for _, t := range b.Objects {
			if t.Kind == k {
				had++
			}
		}
		var details []report.Detail
		accepted := 0
		for _, t := range b.Missing(in.Facts) {
			switch {
			case t.Kind != k:
			case t.Accepted:
				accepted++
			default:
				details = append(details, report.Detail{Name: t.Name, Note: missingNote(t, in.Facts)})
			}
		}
		if len(details) > 0 {
			r := report.Warn("%d of %s from before remap %s", len(details), report.Count(had, string(k)), absent(k, len(details))).With(bounded(details)...)
			if k == firstMissing(b, in.Facts) {
				r.Message += "; recreate what you need, and accept the rest with: " + report.Docker(in.Facts, "userns", "verify", "--accept-missing")
			}
			return r
		}
		r := report.Pass("all of %s", report.Count(had, string(k)))
		if accepted > 0 {
			r.Message = fmt.Sprintf("%d of %s, the others accepted as missing", had-accepted, report.Count(had, string(k)))
		}
		return r
	}
}

// firstMissing is the first kind, in the order of the questions, of which something is
// missing and not accepted: what to do about it is the same for all, and said once.
func firstMissing(b *survey.Record, f survey.Facts) survey.ObjectKind {
	missing := b.Missing(f)
	for _, k := range []survey.ObjectKind{survey.KindContainer, survey.KindVolume, survey.KindNetwork, survey.KindImage} {
		if f.Unlisted(k) == nil && slices.ContainsFunc(missing, func(o survey.RecordedObject) bool { return o.Kind == k && !o.Accepted }) {
			return k
		}
	}
	return ""
}

// absent is what n objects of a kind are that are not as they were.
func absent(k survey.ObjectKind, n int) string {
	verb := "are"
	if n == 1 {
		verb = "is"
	}
	if k == survey.KindContainer {
		return verb + " missing or not running"
	}
	return verb + " missing"
}

// missingNote is what else is known of an object that is missing.
func missingNote(t survey.RecordedObject, f survey.Facts) string {
	var notes []string
	if t.Kind == survey.KindContainer {
		if now, _ := f.Names(); now[survey.KindContainer][t.Name] {
			return "exists, but is not running as it was before"
		}
		if t.Ran {
			notes = append(notes, "it ran")
		}
	}
	if t.Kind == survey.KindVolume && survey.Unnamed(t.Name) {
		notes = append(notes, "it had no name of its own: a container that is recreated gets another one")
	}
	if len(t.UsedBy) > 0 {
		notes = append(notes, "of "+strings.Join(t.UsedBy, ", "))
	}
	return strings.Join(notes, ", ")
}

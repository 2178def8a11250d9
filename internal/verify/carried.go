package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

const catCarried = "carried over"

// Kind is what sort of thing an engine had before remap was turned on.
type Kind string

// The kinds, in the order in which they are shown.
const (
	KindContainer Kind = "container"
	KindVolume    Kind = "volume"
	KindNetwork   Kind = "network"
	KindImage     Kind = "image"
)

// Before is what the engine had before remap was turned on, as the manifest of
// that change recorded it.
type Before struct {
	Change   string // its ID
	DataRoot string // that the change led to
	Things   []Former
}

// Former is a thing that was there before. An image stands once for each of its
// tags; one without a tag is left out, since nothing asks for it by name.
type Former struct {
	Kind     Kind
	Name     string
	Ran      bool     // a container that ran
	UsedBy   []string // the containers that mounted a volume
	Accepted bool     // the operator knows that it is missing
}

// Missing gives those things of before that the engine does not have now, and the
// containers that ran and do not run now. They are found by name: what was
// recreated has another ID.
func (b Before) Missing(f survey.Facts) []Former {
	now, runs := namesOf(f)
	return slices.DeleteFunc(slices.Clone(b.Things), func(t Former) bool {
		return now[t.Kind][t.Name] && (!t.Ran || runs[t.Name])
	})
}

// namesOf are the names of what the engine has, and of the containers that run.
func namesOf(f survey.Facts) (all map[Kind]map[string]bool, runs map[string]bool) {
	all = map[Kind]map[string]bool{KindContainer: {}, KindVolume: {}, KindNetwork: {}, KindImage: {}}
	runs = map[string]bool{}
	for _, c := range f.Containers.Value {
		all[KindContainer][c.Name], runs[c.Name] = true, c.Running()
	}
	for _, v := range f.Volumes.Value {
		all[KindVolume][v.Name] = true
	}
	for _, n := range f.Networks.Value {
		all[KindNetwork][n.Name] = true
	}
	for _, i := range f.Images.Value {
		for _, tag := range i.Tags {
			all[KindImage][tag] = true
		}
	}
	return all, runs
}

// Unlisted is why it is unknown what the engine has of a kind now.
func Unlisted(f survey.Facts, k Kind) error {
	return map[Kind]error{KindContainer: f.Containers.Err, KindVolume: f.Volumes.Err, KindNetwork: f.Networks.Err, KindImage: f.Images.Err}[k]
}

// Kinds are all of them.
var Kinds = []Kind{KindContainer, KindVolume, KindNetwork, KindImage}

var carriedQuestions = []look{
	{Question: report.Question{ID: "carried-containers", Category: catCarried, Title: "The containers from before are there, and those that ran do"}, answer: carried(KindContainer)},
	{Question: report.Question{ID: "carried-volumes", Category: catCarried, Title: "The volumes from before are there, by their names"}, answer: carried(KindVolume)},
	{Question: report.Question{ID: "carried-networks", Category: catCarried, Title: "The networks from before are there"}, answer: carried(KindNetwork)},
	{Question: report.Question{ID: "carried-images", Category: catCarried, Title: "The images from before are there, by their tags"}, answer: carried(KindImage)},
}

// carried holds what the engine has of a kind against what it had before remap
// was turned on. What is missing is a warning until it is accepted.
func carried(k Kind) func(*judge) report.Result {
	return func(j *judge) report.Result {
		b := j.Before.Value
		switch {
		case j.Before.Err != nil:
			return report.Unread("what was there before", j.Before.Err)
		case b == nil:
			return report.Skip("no manifest on the host says what was there before remap was turned on")
		case b.DataRoot != j.Engine.Value.DataRoot:
			return report.Skip("what change %s recorded is of data root %s, which is not in use", b.Change, b.DataRoot)
		case Unlisted(j.Facts, k) != nil:
			return report.Unread("which "+string(k)+"s there are", Unlisted(j.Facts, k))
		}
		had := 0
		for _, t := range b.Things {
			if t.Kind == k {
				had++
			}
		}
		var details []report.Detail
		accepted := 0
		for _, t := range b.Missing(j.Facts) {
			switch {
			case t.Kind != k:
			case t.Accepted:
				accepted++
			default:
				details = append(details, report.Detail{Name: t.Name, Note: t.note(j.Facts)})
			}
		}
		if len(details) > 0 {
			return report.Warn("missing: %d of %s; recreate what is needed, and accept the rest with: %s",
				len(details), report.Count(had, string(k)), report.Docker(j.Facts, "userns", "verify", "--accept-missing")).With(bounded(details)...)
		}
		r := report.Pass("all of %s", report.Count(had, string(k)))
		if accepted > 0 {
			r.Message = fmt.Sprintf("%d of %s, the others are accepted as missing", had-accepted, report.Count(had, string(k)))
		}
		return r
	}
}

// note says what else is known of a thing that is missing.
func (t Former) note(f survey.Facts) string {
	var notes []string
	if t.Kind == KindContainer {
		if now, _ := namesOf(f); now[KindContainer][t.Name] {
			return "it is there, but does not run as it did before"
		}
		if t.Ran {
			notes = append(notes, "it ran")
		}
	}
	if t.Kind == KindVolume && survey.Unnamed(t.Name) {
		notes = append(notes, "it had no name of its own: a container that is recreated gets another one")
	}
	if len(t.UsedBy) > 0 {
		notes = append(notes, "of "+strings.Join(t.UsedBy, ", "))
	}
	return strings.Join(notes, ", ")
}

package verify

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func TestAnswers(t *testing.T) {
	for _, tc := range cases {
		t.Run(tc.id+"/"+tc.name, func(t *testing.T) {
			s := sound()
			tc.change(&s)
			for _, r := range Answer(s, Options{}) {
				if r.ID != tc.id {
					continue
				}
				text := r.Message
				for _, d := range r.Details {
					text += "\n" + d.Name + ": " + d.Note
				}
				assert.Check(t, is.Equal(r.Status, tc.want), text)
				assert.Check(t, r.Message != "" && strings.Contains(text, tc.message), text)
				return
			}
			t.Error("no such question")
		})
	}
}

// Every question is proven in one case, not proven in another, and is unknown
// in a third, save for what the engine itself always tells.
func TestEveryQuestionHasItsCases(t *testing.T) {
	for _, q := range questions() {
		seen := map[report.Status]bool{}
		for _, tc := range cases {
			if tc.id == q.ID {
				seen[tc.want] = true
			}
		}
		assert.Check(t, seen[report.OK] && (seen[report.Error] || seen[report.Warning]), q.ID)
		assert.Check(t, seen[report.Unknown] || q.ground || q.ID == "data-root", q.ID)
	}
}

// The map that was asked for is checked against all that shows one.
func TestExpect(t *testing.T) {
	want := idmap.Single(100000, 65536)
	for _, r := range Answer(sound(), Options{Expect: &want}) {
		assert.Check(t, is.Equal(r.Status, report.OK), "%s: %s", r.ID, r.Message)
	}
	size, root := idmap.Single(100000, 70000), idmap.Single(300000, 65536)
	for _, m := range []*idmap.Map{&size, &root} {
		var wrong []string
		for _, r := range Answer(sound(), Options{Expect: m}) {
			if r.Status == report.Error {
				wrong = append(wrong, r.ID)
			}
		}
		if m == &size {
			assert.DeepEqual(t, wrong, []string{"map-in-force"})
		} else {
			assert.DeepEqual(t, wrong, []string{"data-root", "map-in-force"})
		}
	}
}

// Nothing that was not learnt may end in a pass, nor in a panic.
func TestNothingSeen(t *testing.T) {
	Answer(Seen{}, Options{})
	s := Seen{}
	s.Engine.Value = sound().Engine.Value
	weak(&s)
	s.Containers.Err, s.Processes.Err, s.Left.Err = errTest, errTest, errTest
	for _, r := range Answer(s, Options{}) {
		if !strings.HasPrefix(r.ID, "daemon-") && r.ID != "data-root" {
			assert.Check(t, r.Status == report.Unknown, "%s: %s: %s", r.ID, r.Status, r.Message)
		}
	}
}

// The right to rule the engine is not for a command to paste.
func TestNoGrantOnTheEngine(t *testing.T) {
	for source, fixes := range map[string]int{"/srv/docker.sock": 0, "/srv/app.sock": 1} {
		s := sound()
		s.Chosen[0].Identity.Value = survey.Account{}
		s.Chosen[0].Mounts = []survey.Mount{{Type: "bind", Source: source, Destination: "/d"}}
		s.Paths.Value[source] = survey.Path{Real: source, Parents: parents("/", "/srv"), Stat: host.Stat{Mode: fs.ModeSocket | 0o660, UID: 33}}
		for _, r := range Answer(s, Options{}) {
			if r.ID == "sockets" {
				assert.Check(t, is.Len(r.Fix, fixes), "%v", r.Fix)
			}
		}
	}
}

func TestManyDetails(t *testing.T) {
	s := sound()
	for pid := range 300 {
		s.Processes.Value = append(s.Processes.Value, process(1000+pid, 5))
	}
	for _, r := range Answer(s, Options{}) {
		if r.ID == "processes" {
			assert.Check(t, is.Contains(r.Message, "300 processes have"))
			assert.Check(t, is.Len(r.Details, maxDetails+1))
			assert.Check(t, is.Equal(r.Details[maxDetails].Name, "200 more"))
		}
	}
}

func TestUnprobed(t *testing.T) {
	for err, want := range map[error]report.Status{errTest: report.Error, probe.ErrImage: report.Unknown, context.Canceled: report.Unknown} {
		results := probe.Unproven(fmt.Errorf("doing it: %w", err))
		assert.Check(t, is.Equal(results[0].Status, want))
		for _, r := range results[1:] {
			assert.Check(t, is.Equal(r.Status, report.Skipped), r.ID)
		}
	}
}

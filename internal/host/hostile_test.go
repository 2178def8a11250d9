//go:build linux

package host

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// lying is a host whose shell lets itself be told nothing: it says hello, and then
// what the script prints, which knows the mark.
func lying(t *testing.T, script string) *remote {
	const hello = `IFS= read -r first; eval "${first%% *}"
b() { printf '\n%s %s\n' "$mark" "$1"; }
printf 'Welcome\n0'; b 0; b 0
`
	h := &remote{kind: KindSSH, session: newSession("box", func() *exec.Cmd { return exec.Command("sh", "-c", hello+script+"\nexec cat >/dev/null") })}
	t.Cleanup(func() { assert.NilError(t, h.Close()) })
	return h
}

// Whatever a host answers, it is an answer or an error, within bounds.
func TestMalformedAnswers(t *testing.T) {
	stats := Questions{Stats: []string{"/a", "/b"}}
	for name, c := range map[string]struct {
		q      Questions
		script string
		want   string
	}{
		"letters of no kind":      {stats, `printf xx; b letters`, "malformed answer"},
		"letters without reasons": {stats, `printf -- --; b letters`, "malformed answer"},
		"a letter and a reason":   {stats, `b 1; printf no; b 0; printf x-; b letters`, "malformed answer"},
		"too many letters":        {stats, `printf ++++; b letters`, "malformed answer"},
		"too few lines":           {stats, `printf ++; b letters; printf '81a4 0 0 0 1 1 1\n'; b 0`, "malformed answer"},
		"reasons for nothing":     {stats, `for i in 1 2 3 4; do b 1; printf no; b 0; done`, "malformed answer"},
		"a status of no kind":     {stats, `b maybe`, "malformed answer"},
		"a status without an end": {stats, `printf '\n%s ' "$mark"; exec yes xxxxxxxx | tr -d '\n'`, "buffer full"},
		"a name that leads away":  {Questions{Dirs: []string{"/a"}}, `printf '../../x\0'; b 0`, "malformed answer"},
		"a link not asked for":    {Questions{Links: []string{"/proc/1/ns/*"}}, `printf '/etc/x\0y\0'; b 0`, "malformed answer"},
		"a file not asked for":    {Questions{Lines: []Lines{{Name: "l", Globs: []string{"/proc/[0-9]*/comm"}}}}, `echo /etc/passwd:x; b 0`, "malformed answer"},
		"a program not asked for": {Questions{Programs: []string{"sh"}}, `printf 'sudo\0/tmp/x\0'; b 0`, "malformed answer"},
		"a relative path":         {Questions{Reals: []string{"/a"}}, `printf x; b 0`, "malformed answer"},
		"an exit code of no kind": {Questions{Commands: []Command{{Args: []string{"true"}}}}, `b 0; b 1000`, "malformed answer"},
		"no answer at all":        {stats, `exit`, "the connection ended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := lying(t, c.script).Look(t.Context(), c.q)
			assert.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "reaching box: ")
		})
	}
	a, err := lying(t, `printf ++; b letters; printf '81a4 -1 0 0 1 1 1\nx\n'; b 0; b 0`).Look(t.Context(), stats)
	assert.NilError(t, err)
	assert.ErrorContains(t, a.Stats["/a"].Err, "unexpected answer")
	assert.ErrorContains(t, a.Stats["/b"].Err, "unexpected answer")
	a, err = lying(t, `echo ef53 4096 9223372036854775807 1 1 1; b 0`).Look(t.Context(), Questions{Spaces: []string{"/"}})
	assert.NilError(t, err)
	assert.ErrorContains(t, a.Spaces["/"].Err, "unexpected answer")
}

// An answer without an end is given up, whichever question it answers, and takes no
// more memory than an answer may.
func TestEndlessAnswers(t *testing.T) {
	files, stats := Questions{Files: []string{"/a", "/b"}}, Questions{Stats: []string{"/a", "/b"}}
	for name, c := range map[string]struct {
		q      Questions
		script string
	}{
		"a body":   {files, `exec cat /dev/zero`},
		"newlines": {files, `exec yes ''`},
		"refusals": {stats, `exec yes "$(b 1)"`},
		"letters":  {stats, `exec yes ++++++++++++++++`},
		"records":  {stats, `exec yes "$(b letters)"`},
		"lines":    {Questions{Lines: []Lines{{Name: "l", Globs: []string{"/proc/[0-9]*/comm"}}}}, `exec yes /proc/1/comm:`},
		"names":    {Questions{Dirs: []string{"/a"}}, `exec yes a | tr '\n' '\0'`},
	} {
		t.Run(name, func(t *testing.T) {
			h := lying(t, c.script)
			peak := measure(func() {
				_, err := h.Look(t.Context(), c.q)
				assert.ErrorContains(t, err, "reaching box: ")
			})
			assert.Check(t, peak < 3*lookBytes, "%d MiB", peak>>20)
		})
	}
}

// measure says how far the heap grew meanwhile.
func measure(do func()) (peak uint64) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-done:
			tick.Stop()
			return peak
		case <-tick.C:
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
		}
	}
}

// An answer that does not come, or comes too slowly, is not waited for.
func TestSlowAnswers(t *testing.T) {
	for name, script := range map[string]string{"silent": `exec sleep 100`, "slow": `while :; do printf x; sleep 0.05; done`} {
		h := lying(t, script)
		assert.NilError(t, h.connect(t.Context(), nil))
		begun := time.Now()
		err := h.do(t.Context(), request{bytes: lookBytes, wait: 300 * time.Millisecond}, func(sh *shell) error {
			_, _, _, err := sh.frames.record(window)
			return err
		})
		assert.ErrorIs(t, err, errSlow, name)
		took := time.Since(begun)
		assert.Check(t, took < 20*time.Second, "%s: %s", name, took)
	}
	// What comes fast enough may take longer than that.
	h := lying(t, fmt.Sprintf(`for i in 1 2 3 4 5 6 7 8 9 10; do head -c %d /dev/zero; sleep 0.1; done; b 0`, perSecond))
	assert.NilError(t, h.connect(t.Context(), nil))
	assert.NilError(t, h.do(t.Context(), request{bytes: lookBytes, wait: 500 * time.Millisecond}, func(sh *shell) error {
		_, _, _, err := sh.frames.record(window)
		return err
	}))
}

// A look at something that hangs is given up on this machine too.
func TestWithin(t *testing.T) {
	hang := func(context.Context) (int, error) { select {} }
	_, err := within(t.Context(), 10*time.Millisecond, hang)
	assert.ErrorIs(t, err, errSlow)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = within(ctx, time.Hour, hang)
	assert.ErrorIs(t, err, context.Canceled)
}

// A login that gives no shell says so, with what it printed, and what it takes.
func TestNoShell(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"nologin": {`echo; echo This account is currently not available.; exit 1`, `the login ended and said "This account is currently not available."`},
		"false":   {`exit 1`, "the login ended at once and said nothing"},
		"long":    {`head -c 60000 /dev/zero | tr '\0' x; exit 1`, `the login ended and said "` + strings.Repeat("x", 100) + "..."},
		"noise":   {`exec yes noise`, "the login prints more than 64 KiB"},
		"refused": {`echo Permission denied. >&2; exit 255`, "reaching box: Permission denied."},
	} {
		h := &remote{session: newSession("box", func() *exec.Cmd { return exec.Command("sh", "-c", c.script) })}
		err := h.Root(t.Context())
		assert.ErrorContains(t, err, c.want, name)
		assert.Check(t, !strings.Contains(c.want, "the login ended") || strings.Contains(err.Error(), "usermod --shell"), "%v", err)
		assert.NilError(t, h.Close())
	}
}

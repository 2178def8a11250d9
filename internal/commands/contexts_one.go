package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker-userns/docker-userns/internal/report"
)

const (
	hostTime = 5 * time.Minute // for one context, at most
	endTime  = 5 * time.Second // for a process that was told to end
	maxOfOne = 32 << 20        // bytes of the answer for one context
	maxOfAll = 512 << 20       // of all
)

// one looks at one context.
func (m many) one(ctx context.Context, name string, sum *atomic.Int64) report.Report {
	timed, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	said := &limited{most: maxOfOne, sum: sum}
	complaint := &limited{most: 64 << 10, sum: sum}
	cmd := exec.CommandContext(timed, m.program, slices.Concat([]string{"--context", name}, m.words)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = m.env, said, complaint
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endTime
	withoutTerminal(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return unlooked(name, "interrupted")
	case timed.Err() != nil:
		return unlooked(name, fmt.Sprintf("it did not answer within %s (--timeout)", m.timeout))
	case said.full || complaint.full:
		return unlooked(name, "its answer is too long")
	}
	var r report.Report
	code := cmd.ProcessState.ExitCode()
	if json.Unmarshal(said.Bytes(), &r) != nil || r.Context != name || code < 0 || code > codeFailed {
		why := complaint.String()
		if strings.TrimSpace(why) == "" && err != nil {
			why = err.Error()
		}
		return unlooked(name, why)
	}
	r.ExitCode = &code
	return r
}

// limited keeps what is written to it, up to a limit of its own and one of all.
type limited struct {
	bytes.Buffer
	most int
	sum  *atomic.Int64
	full bool
}

var errTooLong = errors.New("it is too long")

func (b *limited) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most || b.sum.Add(int64(len(p))) > maxOfAll {
		b.full = true
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

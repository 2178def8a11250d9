package proof

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

const (
	// runTime is how long containers may take until they run and stay up.
	runTime = time.Minute
	// runPause is between two looks at them.
	runPause = 2 * time.Second
)

// stopped gives those of a plan's containers that the outage stopped. What ended by
// itself before, or was removed, is not started again. An engine that goes back to an
// earlier state starts all of them.
func (p *Proof) stopped(ctx context.Context, plan remap.Plan, containers []remap.Object) ([]remap.Object, error) {
	if plan.Carry == nil {
		return containers, nil
	}
	ran, known, err := p.words(ctx, plan, remap.RanFile)
	if err != nil {
		return nil, err
	}
	r, err := p.copied(ctx, plan)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(containers), func(o remap.Object) bool {
		if slices.ContainsFunc(plan.Carry.Again, func(again remap.Object) bool { return again.ID == o.ID }) {
			return false
		}
		return slices.Contains(r.Gone, o.ID) || known && !slices.Contains(ran, o.ID)
	}), nil
}

// runAgain proves that the carried containers that ran do so again and stay up, or have
// ended well.
func (p *Proof) runAgain(ctx context.Context, plan remap.Plan) error {
	if plan.Carry == nil || len(plan.Carry.Ran) == 0 {
		return nil
	}
	ran, err := p.stopped(ctx, plan, plan.Carry.Ran)
	if err != nil {
		return err
	}
	before, end := map[string]survey.Container{}, time.Now().Add(runTime)
	for {
		f := p.Survey(ctx)
		if f.Containers.Err != nil {
			return f.Containers.Err
		}
		now, down := map[string]survey.Container{}, []survey.Container{}
		for _, o := range ran {
			c, _ := f.Container(o.ID)
			now[o.ID] = c
			if !isUp(before[o.ID], c) {
				down = append(down, c)
			}
		}
		if len(down) == 0 {
			return nil
		}
		if slices.ContainsFunc(down, staysDown) || len(before) > 0 && time.Now().After(end) {
			return p.doNotRun(ctx, down)
		}
		before = now
		if err := p.wait(ctx, runPause); err != nil {
			return err
		}
	}
}

// stillRuns proves it again after a soak.
func (p *Proof) stillRuns(ctx context.Context, plan remap.Plan) error {
	if p.Soak == 0 {
		return nil
	}
	return p.runAgain(ctx, plan)
}

// isUp reports whether a container runs that ran at the last look, too, or whether it has
// done what it was to do.
func isUp(before, now survey.Container) bool {
	if now.State == "exited" {
		return now.ExitCode == 0
	}
	return now.State == "running" && before.State == "running" && now.Started.Equal(before.Started)
}

// staysDown reports whether a container has failed, and nothing starts it again.
func staysDown(c survey.Container) bool {
	return c.State == "exited" && c.ExitCode != 0 && (c.Restart == "" || c.Restart == "no")
}

// doNotRun is an error that has the last lines that the containers wrote.
func (p *Proof) doNotRun(ctx context.Context, down []survey.Container) error {
	var all []string
	for _, c := range down {
		state := c.State
		if state == "exited" || state == "restarting" {
			state = fmt.Sprintf("%s with code %d", state, c.ExitCode)
		}
		text := fmt.Sprintf("container %s ran before, and is %s now", c.Name, state)
		if last := p.lastLines(ctx, c.ID); last != "" {
			text += ": " + last
		}
		all = append(all, text)
	}
	return fmt.Errorf("%s; stop it before enable, and fix and start it afterwards; or leave it out with --exclude 'container:NAME'; or have it run as root of the host as before with --userns-host NAME", strings.Join(all, "; "))
}

// lastLines are the last lines of a container's log, "" if it has none that can be read.
func (p *Proof) lastLines(ctx context.Context, id string) string {
	const most = 500
	logs, err := p.API.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "3"})
	if err != nil {
		return ""
	}
	defer logs.Close()
	var raw, text bytes.Buffer
	_, _ = io.Copy(&raw, io.LimitReader(logs, 64<<10))
	if _, err := stdcopy.StdCopy(&text, &text, bytes.NewReader(raw.Bytes())); err != nil || text.Len() == 0 {
		text = raw // of a terminal
	}
	lines := slices.Compact(strings.Split(strings.TrimSpace(text.String()), "\n"))
	return escape.Tail(strings.Join(lines, " | "), most)
}

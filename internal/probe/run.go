package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/container"
)

// Output is what became of a command in a container.
type Output struct {
	Stdout, Stderr []byte // the first maxText bytes
	Code           int
}

// RunOnce runs a new container until it ends, and removes it. It carries
// Label, so that it goes if this process is killed meanwhile.
func (p *Probe) RunOnce(ctx context.Context, config *container.Config, hostConfig *container.HostConfig) (Output, error) {
	name := newName("-")
	config.AttachStdout, config.AttachStderr = true, true
	hostConfig.LogConfig = container.LogConfig{Type: "none"}
	defer p.removeContainer(name)
	if err := p.create(ctx, name, config, hostConfig); err != nil {
		return Output{}, err
	}
	conn, err := p.API.ContainerAttach(ctx, name, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return Output{}, fmt.Errorf("attaching to a container: %w", err)
	}
	e := &execution{conn: conn, stop: context.AfterFunc(ctx, conn.Close)}
	defer e.Close()
	if err := p.start(ctx, name); err != nil {
		return Output{}, err
	}
	var r Output
	if r.Stdout, r.Stderr, err = e.output(ctx, ""); err != nil {
		return r, err
	}
	r.Code, err = p.exitCode(ctx, name)
	return r, err
}

// exitCode waits until a container has ended.
func (p *Probe) exitCode(ctx context.Context, name string) (int, error) {
	return poll(ctx, func() (int, bool, error) {
		answer, err := p.API.ContainerInspect(ctx, name)
		if err != nil || answer.ContainerJSONBase == nil || answer.State == nil {
			return 0, true, errors.Join(errors.New("asking the engine how the container ended"), err)
		}
		return answer.State.ExitCode, !answer.State.Running, nil
	})
}

// Exec runs a command in a container that runs. If it takes too long, it
// is left to itself: the engine has no call that ends it.
func Exec(ctx context.Context, api API, name string, options container.ExecOptions) (Output, error) {
	e, err := execIn(ctx, api, name, options)
	if err != nil {
		return Output{}, err
	}
	defer e.Close()
	var r Output
	if r.Stdout, r.Stderr, err = e.output(ctx, ""); err != nil {
		return r, err
	}
	r.Code, err = poll(ctx, func() (int, bool, error) {
		answer, err := api.ContainerExecInspect(ctx, e.id)
		return answer.ExitCode, !answer.Running, err
	})
	return r, err
}

// poll asks until there is an answer.
func poll[T any](ctx context.Context, ask func() (answer T, done bool, err error)) (T, error) {
	for {
		answer, done, err := ask()
		if done || err != nil {
			return answer, overtime(ctx, err)
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-time.After(pollTime):
		}
	}
}

// overtime says that the time is over, rather than that a connection was closed
// because of it.
func overtime(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

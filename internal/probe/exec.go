package probe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
)

// execution is a process that was started in a container.
type execution struct {
	id   string
	conn types.HijackedResponse
	stop func() bool
}

// execIn starts a process in a container. What it reads and writes ends with ctx;
// the engine has no call that ends the process itself.
func execIn(ctx context.Context, api API, name string, options container.ExecOptions) (*execution, error) {
	options.AttachStdout, options.AttachStderr = true, true
	made, err := api.ContainerExecCreate(ctx, name, options)
	if err != nil {
		return nil, fmt.Errorf("starting a process in container %s: %w", name, err)
	}
	conn, err := api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, fmt.Errorf("starting a process in container %s: %w", name, err)
	}
	return &execution{id: made.ID, conn: conn, stop: context.AfterFunc(ctx, conn.Close)}, nil
}

func (e *execution) Close() {
	if e.stop() {
		e.conn.Close()
	}
}

// output reads what the process says until it ends, or until a line of stdout is
// the one given. The first maxText bytes of each stream are kept.
func (e *execution) output(ctx context.Context, until string) (stdout, stderr []byte, err error) {
	var out, errs limited
	seen := func() bool {
		return until != "" && bytes.HasSuffix(out.kept, []byte("\n"+until+"\n"))
	}
	reader := bufio.NewReader(e.conn.Reader)
	for err == nil && !seen() {
		err = frame(reader, &out, &errs)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return out.kept, errs.kept, overtime(ctx, err)
}

// pid is the process on the host. An engine may learn it later than the process
// says its first words (20.10: PID 0 until then).
func (e *execution) pid(ctx context.Context, api API) (int, error) {
	for {
		process, err := api.ContainerExecInspect(ctx, e.id)
		switch {
		case err != nil:
			return 0, fmt.Errorf("asking the engine for the process: %w", err)
		case process.Pid > 0:
			return process.Pid, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("asking the engine for the process: %w", ctx.Err())
		case <-time.After(pollTime):
		}
	}
}

// frame reads one frame of the engine's multiplexed stream: one byte for the
// stream, three of nothing, four for the length (api/types/container/exec.go).
func frame(r io.Reader, stdout, stderr io.Writer) error {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	to := stdout
	if head[0] == 2 {
		to = stderr
	}
	_, err := io.CopyN(to, r, int64(binary.BigEndian.Uint32(head[4:])))
	return err
}

// limited keeps the first maxText bytes written to it, and passes over the
// others.
type limited struct{ kept []byte }

func (l *limited) Write(b []byte) (int, error) {
	l.kept = append(l.kept, b[:min(len(b), maxText-len(l.kept))]...)
	return len(b), nil
}

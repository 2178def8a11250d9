package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// sbin are the folders of an administrator's tools, which a user's PATH may lack.
var sbin = []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"}

// search is PATH with sbin behind it, as in the prelude.
func search() string {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/bin:/bin"
	}
	return path + ":" + strings.Join(sbin, ":")
}

// program finds a command as programs of the prelude does.
func program(name string) (string, bool) {
	if strings.Contains(name, "/") {
		return name, unix.Access(name, unix.X_OK) == nil
	}
	for _, dir := range filepath.SplitList(search()) {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() && filepath.IsAbs(path) && unix.Access(path, unix.X_OK) == nil {
			return path, true
		}
	}
	return "", false
}

func (local) Run(ctx context.Context, c Command) (Result, error) {
	if err := checkCommand(c); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, runTime, errSlow)
	defer cancel()
	path, ok := program(c.Args[0])
	if !ok {
		return Result{Stderr: fmt.Appendf(nil, "%s: No such file or directory", c.Args[0]), Code: 127}, nil
	}
	cmd := exec.CommandContext(ctx, path, c.Args[1:]...)
	cmd.Args[0] = c.Args[0]
	cmd.Env = append(append(os.Environ(), "PATH="+search(), "LC_ALL=C"), c.Env...)
	cmd.Stdin = bytes.NewReader(c.Stdin)
	cmd.WaitDelay = grace
	detach(cmd)
	var out, errs capped
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("running %s: %w", c.Args[0], context.Cause(ctx))
	}
	r := Result{Stdout: out.buf.Bytes(), Stderr: bytes.TrimRight(errs.buf.Bytes(), "\n")}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) && !errors.Is(err, syscall.EPIPE) {
		return r, fmt.Errorf("running %s: %w", c.Args[0], err)
	}
	r.Code = code(cmd.ProcessState)
	return r, nil
}

// code is what a shell would make of how a process ended.
func code(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}

// capped keeps the first MaxOutput bytes.
type capped struct{ buf bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	c.buf.Write(p[:min(len(p), MaxOutput-c.buf.Len())])
	return len(p), nil
}

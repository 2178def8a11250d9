//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// engine is a dockerd of our own, whose data stays for the next time.
type engine struct {
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
}

// nobody is in the group of the engine's socket.
var nobody = &syscall.Credential{Uid: 65534, Gid: 65534}

// startable reports whether we are root, and there is a dockerd.
func startable() bool {
	_, err := exec.LookPath("dockerd")
	return err == nil && os.Getuid() == 0
}

// start starts an engine whose data lies in a folder that stays.
func start(ctx context.Context, dir, data string) (*engine, error) {
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	e := &engine{dir: dir, done: make(chan struct{})}
	log, err := os.Create(e.path("log"))
	if err != nil {
		return nil, err
	}
	e.cmd = exec.Command("dockerd", "--data-root="+data, "--exec-root="+e.path("exec"), "--pidfile="+e.path("pid"),
		"--host="+e.host(), "--group=65534", "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
	e.cmd.Stdout, e.cmd.Stderr = log, log
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = e.cmd.Wait()
		close(e.done)
	}()
	return e, e.await(ctx)
}

func (e *engine) path(name string) string { return filepath.Join(e.dir, name) }

func (e *engine) host() string { return "unix://" + e.path("d.sock") }

func (e *engine) env() []string {
	return []string{"DOCKER_HOST=" + e.host(), "DOCKER_CONTEXT=", "DOCKER_CONFIG=" + e.path("config")}
}

func (e *engine) docker(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(os.Environ(), e.env()...)
	cmd.Stderr = os.Stderr
	return cmd
}

func (e *engine) await(ctx context.Context) error {
	for range 600 {
		cmd := e.docker(ctx, "version")
		cmd.Stderr = nil
		if cmd.Run() == nil {
			return nil
		}
		select {
		case <-e.done:
			log, _ := os.ReadFile(e.path("log"))
			return fmt.Errorf("dockerd ended: %s", log)
		case <-time.After(100 * time.Millisecond):
		}
	}
	e.stop()
	return fmt.Errorf("dockerd does not answer at %s", e.host())
}

// load gives an image to the engine, unless it has it.
func (e *engine) load(ctx context.Context, name, archive string) error {
	cmd := e.docker(ctx, "image", "inspect", name)
	cmd.Stderr = nil
	if cmd.Run() == nil {
		return nil
	}
	fmt.Fprintf(os.Stderr, "loading %s into the engine, once\n", name)
	return e.docker(ctx, "load", "--quiet", "--input", archive).Run()
}

// plugin is a copy of the program that anybody can run.
func (e *engine) plugin() string { return e.path("docker-userns") }

func (e *engine) lend(program string) error {
	from, err := os.Open(program)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(e.plugin(), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer to.Close()
	_, err = io.Copy(to, from)
	return err
}

func (e *engine) stop() {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = e.cmd.Process.Signal(signal)
		select {
		case <-e.done:
			return
		case <-time.After(time.Minute):
		}
	}
}

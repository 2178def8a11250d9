//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// command is a program that takes part.
type command struct {
	name  string
	args  []string
	env   []string            // in addition to the present one
	as    *syscall.Credential // nil: as who runs this
	out   string              // a file for its output, "" for /dev/null
	stdin string
	codes []int // exit codes that are no failure, in addition to 0
	check func(out string) error
}

// sample is what one run took.
type sample struct {
	wall, cpu time.Duration
	rss       int64 // the peak, in KiB; at least what this program has itself
}

func (c command) run(ctx context.Context) (sample, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	if c.stdin != "" {
		f, err := os.Open(c.stdin)
		if err != nil {
			return sample{}, err
		}
		defer f.Close()
		cmd.Stdin = f
	}
	if c.out != "" {
		f, err := os.Create(c.out)
		if err != nil {
			return sample{}, err
		}
		defer f.Close()
		cmd.Stdout, cmd.Stderr = f, os.Stderr
	}
	began := time.Now()
	err := cmd.Run()
	s := sample{wall: time.Since(began)}
	if cmd.ProcessState == nil || err != nil && !slices.Contains(c.codes, cmd.ProcessState.ExitCode()) {
		return s, fmt.Errorf("running %s: %w", c.name, err)
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.rss = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if c.check != nil {
		err = c.check(c.out)
	} else {
		err = nil
	}
	return s, err
}

// looked checks that an audit, written as JSON, looked at the whole image, and
// had it from where it should. It reads no further than it must: this program
// is to stay small, since its own memory counts as that of what it starts.
func looked(f facts, source string) func(string) error {
	return func(out string) error {
		file, err := os.Open(out)
		if err != nil {
			return err
		}
		defer file.Close()
		var from string
		var layers []struct{ Entries, Unmapped int }
		for d := json.NewDecoder(file); layers == nil; {
			t, err := d.Token()
			if err == nil && t == "source" {
				err = d.Decode(&from)
			}
			if err == nil && t == "layers" {
				err = d.Decode(&layers)
			}
			if err != nil {
				return fmt.Errorf("reading the audit: %w", err)
			}
		}
		entries, foreign := 0, 0
		for _, l := range layers {
			entries, foreign = entries+l.Entries, foreign+l.Unmapped
		}
		if from != source || len(layers) != f.Layers || entries != f.Entries || foreign != f.Foreign {
			return fmt.Errorf("the audit is wrong: from %q not %q, %d layers not %d, %d entries not %d, %d unmapped not %d",
				from, source, len(layers), f.Layers, entries, f.Entries, foreign, f.Foreign)
		}
		return nil
	}
}

package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/sh"
)

// running is the op of a command: see run in the prelude.
func running(c Command, into *[]Result) op {
	script := "run " + words(slices.Concat([]string{"LC_ALL=C"}, c.Env, c.Args))
	if len(c.Stdin) > 0 {
		script = printing(c.Stdin) + " | " + script
	}
	return op{script, func(f *frames) error {
		var r Result
		var status string
		var err error
		if r.Stdout, _, _, err = f.record(MaxOutput); err != nil {
			return err
		}
		if r.Stderr, _, status, err = f.record(MaxOutput); err != nil {
			return err
		}
		if r.Code, err = strconv.Atoi(status); err != nil || r.Code < 0 || r.Code > 255 {
			return malformed("the exit code of "+c.Args[0], status)
		}
		*into = append(*into, r)
		return nil
	}}
}

func (r *remote) Run(ctx context.Context, c Command) (Result, error) {
	if err := checkCommand(c); err != nil {
		return Result{}, err
	}
	var results []Result
	if err := r.act(ctx, running(c, &results)); err != nil {
		return Result{}, fmt.Errorf("running %s: %w", c.Args[0], err)
	}
	return results[0], nil
}

func (r *remote) Replace(ctx context.Context, f File) error {
	if err := checkPaths([]string{f.Path}); err != nil {
		return err
	}
	script := fmt.Sprintf("%s | replace %d:%d %04o %s",
		printing(f.Data), f.UID, f.GID, f.Mode.Perm(), sh.Quote(f.Path))
	var refusal error
	err := r.act(ctx, op{script, func(fr *frames) (err error) {
		refusal, err = readReplaced(fr, f.Path)
		return err
	}})
	return errors.Join(refusal, err)
}

// act does one thing that may change the host.
func (r *remote) act(ctx context.Context, o op) error {
	return r.doOps(ctx, request{script: o.script, bytes: runBytes, wait: runTime, acts: true}, []op{o})
}

// readReplaced reads the two records of replace in the prelude: the word
// "written" where the file is in place, and what the tools had to say. A refusal
// comes as one failed record.
func readReplaced(f *frames, path string) (refusal, err error) {
	written, _, t := f.whole(window, "replace", path)
	if t.fatal != nil || t.said != nil {
		return t.said, t.fatal
	}
	said, _, _, err := f.record(window)
	if err == nil && strings.TrimSpace(string(written)) != "written" {
		refusal = saying("replace", path, string(said))
	}
	return refusal, err
}

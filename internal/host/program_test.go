//go:build linux

package host

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// eachLender runs a test on each kind of host that programs can be lent to through a shell.
func eachLender(t *testing.T, test func(t *testing.T, h Host, l Lender)) {
	eachHost(t, func(t *testing.T, h Host) {
		l, ok := h.(Lender)
		if !ok || h.Kind() == KindLocal {
			t.Skip("no shell leads to it")
		}
		test(t, h, l)
	})
}

// script is a program for the machine that the tests run on.
func script(t *testing.T, name, text string) Program {
	out, err := exec.Command("uname", "-m").Output()
	assert.NilError(t, err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "#!/bin/sh\n"+text)
	z.Close()
	return Program{Name: name, Builds: map[string][]byte{strings.TrimSpace(string(out)): packed.Bytes()}}
}

func output(l Lender, p Program, j Job) (string, error) {
	var out []byte
	j.Wait = time.Minute
	err := l.Do(context.Background(), p, j, func(r io.Reader) (err error) {
		out, err = io.ReadAll(r)
		return err
	})
	return string(out), err
}

// A lent program is given its arguments and its input as they are, lies where nobody
// else can enter, is put there once, and is gone after Close.
func TestLending(t *testing.T) {
	eachLender(t, func(t *testing.T, h Host, l Lender) {
		p := script(t, "lent", `printf '%s|' "$0" "$@"; cat`)
		odd := "a 'b'\n$c\x01\xff"
		var folder string
		for range 2 {
			out, err := output(l, p, Job{Args: []string{odd, ""}, Stdin: []byte(odd)})
			assert.NilError(t, err)
			file, rest, _ := strings.Cut(out, "|")
			assert.Equal(t, rest, odd+"||"+odd)
			assert.Assert(t, folder == "" || folder == filepath.Dir(file), "it was put there twice")
			folder = filepath.Dir(file)
			info, err := os.Stat(folder)
			assert.NilError(t, err)
			assert.Equal(t, info.Mode().Perm(), os.FileMode(0o700))
			info, err = os.Stat(file)
			assert.NilError(t, err)
			assert.Equal(t, info.Mode().Perm(), os.FileMode(0o700))
		}
		_, err := output(l, script(t, "failing", "exit 3"), Job{})
		assert.ErrorContains(t, err, `ended with code "3"`)
		assert.NilError(t, h.Close())
		_, err = os.Stat(folder)
		assert.Assert(t, errors.Is(err, os.ErrNotExist), "%v: it is left", err)
	})
}

// On this machine a program leaves no file behind, not even while it runs.
func TestProgramHere(t *testing.T) {
	here := Local().(Lender)
	odd := "a 'b'\n$c\x01\xff"
	out, err := output(here, script(t, "lent", `printf '%s|' "$@"; cat`), Job{Args: []string{odd, ""}, Stdin: []byte(odd)})
	assert.NilError(t, err)
	assert.Equal(t, out, odd+"||"+odd)
	_, err = output(here, script(t, "failing", "echo because >&2; exit 3"), Job{})
	assert.ErrorContains(t, err, "exit status 3: because")
	_, err = output(here, Program{Name: "p", Builds: map[string][]byte{"pdp11": nil}}, Job{})
	assert.ErrorIs(t, err, ErrNoBuild)

	hangs := fmt.Sprint("sleep ", 400_000+os.Getpid())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- here.Do(ctx, script(t, "lent", "echo begun; "+hangs), Job{Wait: time.Hour}, func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
	}()
	await(t, hangs, true)
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
	await(t, hangs, false)
}

// What is for another machine, or does not arrive whole, is not run.
func TestLendingRefused(t *testing.T) {
	eachLender(t, func(t *testing.T, h Host, l Lender) {
		_, err := output(l, Program{Name: "p", Builds: map[string][]byte{"pdp11": nil}}, Job{})
		assert.ErrorIs(t, err, ErrNoBuild)
		r, ok := h.(*remote)
		if !ok {
			r = h.(*sshHost).remote
		}
		var refusal error
		err = r.act(t.Context(), op{"lend p 00 <<'end'\nH4sI\nend", func(f *frames) error {
			_, _, tr := f.whole(window, "lend", "p")
			refusal = tr.said
			return tr.fatal
		}})
		assert.NilError(t, err)
		assert.ErrorContains(t, refusal, "did not arrive whole")
	})
}

// Whatever ends the work of a lent program, neither it nor its folder stays on the host.
func TestNothingLentIsLeft(t *testing.T) {
	var number atomic.Int64
	number.Store(200_000 + 100*int64(os.Getpid()))
	for _, end := range endings {
		t.Run(end.name, func(t *testing.T) {
			eachLender(t, func(t *testing.T, h Host, l Lender) {
				hangs := fmt.Sprint("sleep ", number.Add(1))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var over *shell // read where it is written
				folders, ended := make(chan string, 1), make(chan error, 1)
				go func() {
					ended <- l.Do(ctx, script(t, "lent", `echo "$0"; printf %100s x; `+hangs), Job{Wait: time.Hour}, func(r io.Reader) error {
						var file string
						_, err := fmt.Fscanln(r, &file)
						over = sessionOf(h).shell
						folders <- filepath.Dir(file)
						_, _ = io.Copy(io.Discard, r)
						return err
					})
				}()
				await(t, hangs, true)
				folder := <-folders
				_, err := os.Stat(folder)
				assert.NilError(t, err)
				end.end(over, cancel)
				await(t, hangs, false)
				cancel()
				assert.Check(t, <-ended != nil)
				for range 500 {
					if _, err = os.Stat(folder); err != nil {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				assert.Assert(t, errors.Is(err, os.ErrNotExist), "%v: %s is left", err, folder)
			})
		})
	}
}

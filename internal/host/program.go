package host

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/sh"
)

// A Program is an executable of ours that a host is lent. It is static, so that it runs
// on any Linux of its machine.
type Program struct {
	Name string // of its file
	// Builds are packed by gzip, by what `uname -m` says of the machine that each is for.
	Builds map[string][]byte
}

// A Job is what a [Program] is to do. It only looks: it ends with the connection.
type Job struct {
	Args  []string
	Stdin []byte
	// Wait is how long its output may take in all, besides a second for each 64 KiB.
	Wait time.Duration
}

// A Lender is a Host that programs can be lent to: each that a shell leads to.
type Lender interface {
	// Do runs a program on the host, with the rights that the host is looked at with, and
	// hands its output to read, whose error is returned. The program is put into a folder
	// that nobody else can enter, unless it is there, and its digest is checked on the
	// host. The folder is gone when the connection is, however that ends. The error is
	// [ErrNoBuild] if there is no build for the host's machine.
	Do(ctx context.Context, p Program, j Job, read func(output io.Reader) error) error
}

// ErrNoBuild: there is no build of a program for the machine of a host.
var ErrNoBuild = errors.New("this plugin has no program for it")

// doBytes is how much a program may write: the headers of ten million files, packed.
const doBytes = 1 << 30

// Do runs a program on the host.
func (r *remote) Do(ctx context.Context, p Program, j Job, read func(io.Reader) error) error {
	if err := checkCommand(Command{Args: append([]string{p.Name}, j.Args...)}); err != nil {
		return err
	}
	machine, err := r.doLent(ctx, p, j, read)
	if err != nil || machine == "" {
		return err
	}
	if err := r.lend(ctx, p, machine); err != nil {
		return fmt.Errorf("copying %s to %s: %w", p.Name, r.name, err)
	}
	if machine, err = r.doLent(ctx, p, j, read); err == nil && machine != "" {
		err = fmt.Errorf("copying %s to %s: the connection was lost", p.Name, r.name)
	}
	return err
}

// doLent runs a program if the shell has it, and gives the host's machine otherwise.
func (r *remote) doLent(ctx context.Context, p Program, j Job, read func(io.Reader) error) (machine string, err error) {
	file := `"$lent"/` + sh.Quote(p.Name)
	script := fmt.Sprintf(`if [ -n "$lent" ] && [ -x %s ]; then b 0; %s | %s %s; b $?; else uname -m; b none; fi`,
		file, printing(j.Stdin), file, words(j.Args))
	var failed error
	err = r.do(ctx, request{script: script, bytes: doBytes, wait: j.Wait}, func(sh *shell) error {
		body, _, status, err := sh.frames.record(window)
		if err != nil || status != "0" {
			machine = escape.Head(strings.TrimSpace(string(body)), maxQuoted)
			return err
		}
		failed = read(sh.frames)
		status, err = sh.frames.status()
		if err == nil && failed == nil && status != "0" {
			failed = fmt.Errorf("running %s on %s: it ended with code %q", p.Name, r.name, escape.Head(status, maxQuoted))
		}
		return err
	})
	return machine, errors.Join(err, failed)
}

// lend puts a program on the host, and keeps it until the shell ends.
func (r *remote) lend(ctx context.Context, p Program, machine string) error {
	packed, ok := p.Builds[machine]
	if !ok {
		return fmt.Errorf("its machine is %q: %w", machine, ErrNoBuild)
	}
	sum, err := unpackedSum(packed)
	if err != nil {
		return err
	}
	script := fmt.Sprintf("lend %s %s <<'end'\n%send", sh.Quote(p.Name), sum, lines(base64.StdEncoding.EncodeToString(packed)))
	var refusal error
	err = r.act(ctx, op{script, func(f *frames) error {
		_, _, t := f.whole(window, "lend", p.Name)
		refusal = t.said
		return t.fatal
	}})
	return errors.Join(err, refusal)
}

// unpackedSum is the SHA-256 of what is packed.
func unpackedSum(packed []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, z)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// lines breaks a text into lines that no shell finds too long.
func lines(text string) string {
	var b strings.Builder
	for line := range slices.Chunk([]byte(text), 1024) {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

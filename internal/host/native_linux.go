package host

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sort"
	"time"
)

// Local is this machine, looked at by this process with the rights it has.
func Local() Host { return local{} }

// local has the reason why it is not root, if that is known.
type local struct{ why error }

func (local) Kind() string { return KindLocal }

func (local) Close() error { return nil }

func (local) DialHost(ctx context.Context, network, addr string) (net.Conn, error) {
	return dialHere(ctx, network, addr)
}

func (l local) Root(context.Context) error {
	uid := os.Geteuid()
	switch {
	case uid == 0:
		return nil
	case l.why == nil:
		return fmt.Errorf("this machine is read as the user with ID %d, not as root", uid)
	}
	return fmt.Errorf("this machine is read as the user with ID %d, not as root: %w", uid, l.why)
}

func (l local) Look(ctx context.Context, q Questions) (Answers, error) {
	a := newAnswers()
	if err := checkQuestions(q); err != nil {
		return a, err
	}
	return within(ctx, patience, func(ctx context.Context) (Answers, error) { return l.look(ctx, q, a) })
}

// within gives up what takes too long, or longer than ctx: reading from a file
// system that hangs cannot be ended.
func within[T any](ctx context.Context, most time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, most, errSlow)
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := do(ctx)
		done <- answer{value, err}
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("looking at this machine: %w", context.Cause(ctx))
	}
}

func (l local) look(ctx context.Context, q Questions, a Answers) (Answers, error) {
	for _, path := range q.Files {
		a.Files[path] = readBody(Path{Name: path})
	}
	for _, p := range q.Inside {
		a.Inside[p] = readBody(p)
	}
	for _, path := range q.Stats {
		a.Stats[path] = lstat(path, q.ACLs)
	}
	for _, path := range q.Attrs {
		if s, ok := a.Stats[path]; ok && s.Err == nil {
			s.Immutable = immutable(path, s.Mode)
			a.Stats[path] = s
		}
	}
	for _, path := range q.Reals {
		a.Reals[path] = resolve(path)
	}
	for _, path := range q.Dirs {
		a.Dirs[path] = readDir(path)
	}
	for _, lines := range q.Lines {
		a.Lines[lines.Name] = grep(lines)
	}
	for _, pattern := range q.Links {
		a.Links[pattern] = readLinks(pattern)
	}
	for _, path := range q.Spaces {
		a.Spaces[path] = statfs(path)
	}
	for _, name := range q.Programs {
		if path, ok := program(name); ok {
			a.Programs[name] = path
		}
	}
	for _, c := range q.Commands {
		r, err := l.Run(ctx, c)
		if err != nil {
			return a, err
		}
		a.Commands = append(a.Commands, r)
	}
	return a, ctx.Err()
}

func (local) ReadFiles(ctx context.Context, paths []Path, each func(Path, io.Reader, error) error) error {
	if err := checkReads(paths); err != nil {
		return err
	}
	return readEach(ctx, paths, openPath, each)
}

// readEach opens files one after the other, and hands them to each.
func readEach(ctx context.Context, paths []Path, open func(Path) (*os.File, error), each func(Path, io.Reader, error) error) error {
	hand := func(p Path) error {
		file, err := open(p)
		if err != nil {
			return each(p, nil, err)
		}
		defer file.Close()
		return each(p, file, nil)
	}
	for _, p := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := hand(p); err != nil {
			return err
		}
	}
	return nil
}

func readBody(p Path) Body {
	file, err := openPath(p)
	if err != nil {
		return Body{Err: err}
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return Body{Err: err}
	}
	cut := len(data) > MaxFile
	return Body{Data: data[:min(len(data), MaxFile)], Truncated: cut}
}

func readDir(path string) Dir {
	dir, err := os.Open(path)
	if err != nil {
		return Dir{Err: err}
	}
	defer dir.Close()
	names, err := dir.Readdirnames(MaxNames + 1)
	if err != nil && err != io.EOF {
		return Dir{Err: err}
	}
	sort.Strings(names)
	cut := len(names) > MaxNames
	return Dir{Names: names[:min(len(names), MaxNames)], Truncated: cut}
}

func readLinks(pattern string) Targets {
	t := Targets{}
	paths, _ := filepath.Glob(pattern)
	for _, path := range paths[:min(len(paths), MaxNames)] {
		if target, err := os.Readlink(path); err == nil {
			t[path] = target
		}
	}
	return t
}

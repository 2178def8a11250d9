package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sort"

	"golang.org/x/sys/unix"
)

// Local is this machine, looked at by this process with the rights it has.
func Local() Host { return local{} }

// local has the reason why it is not root, where that is known.
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
		return fmt.Errorf("this machine is looked at as the user with ID %d, not as root", uid)
	}
	return fmt.Errorf("this machine is looked at as the user with ID %d, not as root: %w", uid, l.why)
}

func (l local) Look(ctx context.Context, q Questions) (Answers, error) {
	a := newAnswers()
	if err := checkQuestions(q); err != nil {
		return a, err
	}
	for _, path := range q.Files {
		a.Files[path] = readBody(path)
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
		real, err := filepath.EvalSymlinks(path)
		a.Reals[path] = Real{real, err}
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

func (local) ReadFiles(ctx context.Context, paths []string, each func(string, io.Reader, error) error) error {
	if err := checkPaths(paths); err != nil {
		return err
	}
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := handFile(path, each); err != nil {
			return err
		}
	}
	return nil
}

func handFile(path string, each func(string, io.Reader, error) error) error {
	file, err := openFile(path)
	if err != nil {
		return each(path, nil, err)
	}
	defer file.Close()
	return each(path, file, nil)
}

// openFile opens a regular file, symlinks followed. What is none is not
// opened: opening a fifo waits, and opening a device can do anything.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	// Whoever may write to the folder can have changed it since.
	if now, err := file.Stat(); err != nil || !now.Mode().IsRegular() {
		file.Close()
		return nil, errors.Join(err, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular})
	}
	return file, nil
}

func readBody(path string) Body {
	file, err := openFile(path)
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

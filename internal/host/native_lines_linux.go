package host

import (
	"bytes"
	"io"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// grep answers Lines. The processes of a host are ten thousands of files, each
// read in microseconds, so the work is shared among the processors.
func grep(l Lines) Text {
	var paths []string
	for _, g := range l.Globs {
		paths = append(paths, expand(g)...)
	}
	parts := make([][]matched, min(runtime.GOMAXPROCS(0), 8))
	var wg sync.WaitGroup
	for i := range parts {
		share := paths[len(paths)*i/len(parts) : len(paths)*(i+1)/len(parts)]
		wg.Go(func() { parts[i] = grepAll(l, share) })
	}
	wg.Wait()
	t := Text{Files: make(map[string][]string, len(paths))}
	size := 0
	for _, part := range parts {
		for _, file := range part {
			if size += file.size; size > MaxLines {
				t.Truncated = true
				return t
			}
			t.Files[file.path] = append(t.Files[file.path], file.lines...)
		}
	}
	return t
}

// matched are the lines of one file that were asked for, and their size with the
// file's name before each, as the shells of other hosts send them.
type matched struct {
	path  string
	lines []string
	size  int
}

// grepAll reads files until they have more than MaxLines bytes.
func grepAll(l Lines, paths []string) (all []matched) {
	var buffer bytes.Buffer
	size := 0
	for _, p := range paths {
		body, ok := readSmall(p, &buffer)
		if !ok || bytes.IndexByte(body, 0) >= 0 {
			continue
		}
		file := matched{path: p}
		for line := range bytes.Lines(body) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if begins(line, l.Prefixes) && (l.Except == "" || string(line) != l.Except) {
				file.lines = append(file.lines, string(line))
				file.size += len(p) + len(line) + 2
			}
		}
		if file.lines != nil {
			all = append(all, file)
		}
		if size += file.size; size > MaxLines {
			break
		}
	}
	return all
}

func begins(line []byte, prefixes []string) bool {
	for _, p := range prefixes {
		if len(line) >= len(p) && string(line[:len(p)]) == p {
			return true
		}
	}
	return len(prefixes) == 0
}

// readSmall reads a regular file into a buffer that the next call writes over,
// with as few system calls as it takes: see openFile for what may be opened.
func readSmall(p string, buffer *bytes.Buffer) ([]byte, bool) {
	var s unix.Stat_t
	if unix.Stat(p, &s) != nil || s.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, false
	}
	fd, err := unix.Open(p, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer unix.Close(fd)
	if unix.Fstat(fd, &s) != nil || s.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, false
	}
	buffer.Reset()
	_, err = buffer.ReadFrom(io.LimitReader(descriptor(fd), MaxFile))
	return buffer.Bytes(), err == nil && buffer.Len() > 0
}

// descriptor reads without what os.File adds to a file that is read once.
type descriptor int

func (d descriptor) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), b)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// expand gives the paths that a pattern matches, as filepath.Glob does, but that
// what stands after the last directory with a wildcard need not be there: to look
// for it costs more than to open it. The pattern was checked.
func expand(pattern string) []string {
	dirs := []string{"/"}
	for part := range strings.SplitSeq(strings.Trim(path.Clean(pattern), "/"), "/") {
		var next []string
		for _, dir := range dirs {
			if !strings.ContainsAny(part, `*?[\`) {
				next = append(next, path.Join(dir, part))
				continue
			}
			for _, name := range readDir(dir).Names {
				if ok, _ := filepath.Match(part, name); ok {
					next = append(next, path.Join(dir, name))
				}
			}
		}
		dirs = next
	}
	return dirs
}

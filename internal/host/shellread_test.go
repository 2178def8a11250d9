//go:build linux

package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/sh"
)

// files makes so many of them, of sizes below, at and above what is small, with
// gaps between: their paths, and what is to be read from each.
func files(t *testing.T, count int) (paths []string, want map[string]string) {
	dir := t.TempDir()
	want = map[string]string{}
	for i := range count {
		path := filepath.Join(dir, fmt.Sprintf("the file's $number\n%d", i))
		paths = append(paths, path)
		body := fmt.Appendf(nil, "%d\n", i)
		switch i % 7 {
		case 1:
			continue
		case 2:
			body = nil
		case 3:
			body = bytes.Repeat(everyByte(), 1+i%60)
		case 4:
			body = make([]byte, smallFile+i%2)
		}
		assert.NilError(t, os.WriteFile(path, body, 0o600))
		want[path] = string(body)
	}
	return append(paths, paths[0], "/proc/version"), want
}

// More files than one batch holds come whole, each once and in their order.
func TestReadManyFiles(t *testing.T) {
	paths, want := files(t, 2*batchFiles+20)
	version, err := os.ReadFile("/proc/version")
	assert.NilError(t, err)
	want["/proc/version"] = string(version)
	eachHost(t, func(t *testing.T, h Host) { assertRead(t, h, paths, want) })
}

// assertRead compares what is read from names with want, where those that are
// missing have no entry.
func assertRead(t *testing.T, h Host, names []string, want map[string]string) {
	t.Helper()
	var order []string
	assert.NilError(t, h.ReadFiles(t.Context(), paths(names), func(p Path, body io.Reader, err error) error {
		path := p.Name
		order = append(order, path)
		text, there := want[path]
		if !there {
			assert.Check(t, is.ErrorIs(err, fs.ErrNotExist), path)
			return nil
		}
		assert.NilError(t, err)
		got, err := io.ReadAll(body)
		assert.NilError(t, err)
		assert.Check(t, string(got) == text, "%q: %d bytes, want %d", path, len(got), len(text))
		return nil
	}))
	assert.DeepEqual(t, order, names)
}

// Files that change while they are read are read again, one by one.
func TestReadFilesThatChange(t *testing.T) {
	for name, change := range map[string]string{
		"longer":   `echo more >>"$3"`,
		"replaced": `printf x >"$3.new"; mv "$3.new" "$3"`,
		"away":     `rm "$3"`,
		"swapped":  `mv "$2" "$2.old"; mv "$3" "$2"; mv "$2.old" "$3"`,
	} {
		t.Run(name, func(t *testing.T) {
			names, _ := files(t, 20)
			names = names[:20] // each once: what is swapped keeps the sum of the sizes
			bin, changed := t.TempDir(), filepath.Join(t.TempDir(), "changed")
			script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" != -- ] || [ -e %[1]s ] || { : >%[1]s; %[2]s; }\nexec /bin/cat \"$@\"\n", sh.Quote(changed), change)
			assert.NilError(t, os.WriteFile(filepath.Join(bin, "cat"), []byte(script), 0o700))
			h := openShell(t, []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, "sh")
			defer h.Close()
			var got []string
			assert.NilError(t, h.ReadFiles(t.Context(), paths(names), func(p Path, body io.Reader, err error) error {
				path := p.Name
				now, missing := os.ReadFile(path)
				assert.Equal(t, errors.Is(err, fs.ErrNotExist), missing != nil, path)
				if err == nil {
					read, err := io.ReadAll(body)
					assert.NilError(t, err)
					assert.Check(t, bytes.Equal(read, now), path)
				}
				got = append(got, path)
				return nil
			}))
			assert.DeepEqual(t, got, names)
			_, err := os.Stat(changed)
			assert.NilError(t, err, "no file changed")
		})
	}
}

// An error of each in the midst of a batch ends the reading.
func TestReadManyFilesStops(t *testing.T) {
	names, _ := files(t, 30)
	eachHost(t, func(t *testing.T, h Host) {
		stop, calls := errors.New("enough"), 0
		err := h.ReadFiles(t.Context(), paths(names), func(Path, io.Reader, error) error {
			if calls++; calls == 6 {
				return stop
			}
			return nil
		})
		assert.Check(t, is.ErrorIs(err, stop))
		assert.Equal(t, calls, 6)
		assert.NilError(t, h.Root(t.Context()))
	})
}

// What may not be read is reported apart from what may.
func TestReadManyFilesWithoutRoot(t *testing.T) {
	h := nobody(t)
	names := []string{"/etc/shadow", "/etc/passwd", "/etc/shadow", "/etc/group", "/none", "/etc/passwd"}
	var got []string
	assert.NilError(t, h.ReadFiles(t.Context(), paths(names), func(_ Path, body io.Reader, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			got = append(got, "forbidden")
		case errors.Is(err, fs.ErrNotExist):
			got = append(got, "missing")
		case err == nil:
			text, err := io.ReadAll(body)
			assert.NilError(t, err)
			got = append(got, strings.SplitN(string(text), ":", 2)[0])
		}
		return nil
	}))
	assert.DeepEqual(t, got, []string{"forbidden", "root", "forbidden", "root", "missing", "root"})
}

func TestParseSizes(t *testing.T) {
	got, err := parseSizes(" 1:5 3:0 128:65536", 128)
	assert.NilError(t, err)
	assert.Check(t, is.Len(got, 3))
	assert.Equal(t, got[2], size{127, 65536})
	for _, bad := range []string{"0:1", "1", "x:1", "1:x", "2:1 1:1", "1:1 1:1", "-1:1", "1:-1", "1:65537", "129:1", "99999999999999999999:1"} {
		_, err := parseSizes(bad, 128)
		assert.Check(t, err != nil, bad)
	}
}

// However many files there are, a shell starts few processes.
func TestReadManyFilesTakesFewProcesses(t *testing.T) {
	bin, started := t.TempDir(), filepath.Join(t.TempDir(), "started")
	for _, name := range []string{"cat", "stat"} {
		path, err := exec.LookPath(name)
		assert.NilError(t, err)
		script := fmt.Sprintf("#!/bin/sh\necho >>%s\nexec %s \"$@\"\n", sh.Quote(started), path)
		assert.NilError(t, os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700))
	}
	h := openShell(t, []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, "sh")
	defer h.Close()
	path := filepath.Join(t.TempDir(), "file")
	assert.NilError(t, os.WriteFile(path, []byte("small"), 0o600))
	paths, want := make([]string, batchFiles), map[string]string{path: "small"}
	for i := range paths {
		paths[i] = path
	}
	assertRead(t, h, paths, want)
	log, err := os.ReadFile(started)
	assert.NilError(t, err)
	assert.Equal(t, len(log), 3)
}

package remap

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// bothShells runs a test with this machine's shell and tools, and with those of
// busybox alone.
func bothShells(t *testing.T, test func(t *testing.T, lookInto func(what [2]string, paths ...string) []string)) {
	t.Helper()
	for _, name := range []string{"sh", "busybox"} {
		t.Run(name, func(t *testing.T) {
			argv, env := []string{"sh"}, os.Environ()
			if name == "busybox" {
				box, err := exec.LookPath("busybox")
				if err != nil {
					t.Skip("needs busybox")
				}
				bin := t.TempDir()
				for _, tool := range []string{"date", "timeout", "find", "stat", "awk"} {
					assert.NilError(t, os.Symlink(box, filepath.Join(bin, tool)))
				}
				argv, env = []string{box, "sh"}, []string{"PATH=" + bin}
			}
			test(t, func(what [2]string, paths ...string) []string {
				t.Helper()
				cmd := exec.Command(argv[0], append(append(argv[1:], "-c", into, "sh", "30", "5", what[0], what[1]), paths...)...)
				cmd.Env = env
				said, err := cmd.Output()
				assert.NilError(t, err)
				lines := strings.Split(strings.TrimSuffix(string(said), "\n"), "\n")
				assert.Equal(t, len(lines), len(paths), string(said))
				return lines
			})
		})
	}
}

func TestLastModified(t *testing.T) {
	bothShells(t, func(t *testing.T, look func(what [2]string, paths ...string) []string) {
		dir := t.TempDir()
		for i, name := range []string{"db/a b\nc", "db/sub/-newer", "db/$(exit)"} {
			file := filepath.Join(dir, name)
			assert.NilError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			assert.NilError(t, os.WriteFile(file, nil, 0o644))
			assert.NilError(t, os.Chtimes(file, time.Time{}, time.Unix(int64(1600000000+i%2), 0)))
		}
		assert.NilError(t, os.Chtimes(filepath.Join(dir, "db/sub"), time.Time{}, time.Unix(1500000000, 0)))
		assert.NilError(t, os.Mkdir(filepath.Join(dir, "none"), 0o755))
		assert.NilError(t, os.Symlink("db", filepath.Join(dir, "link")))
		got := look(lastModified, filepath.Join(dir, "db"), filepath.Join(dir, "none"), filepath.Join(dir, "link"), filepath.Join(dir, "gone"))
		assert.DeepEqual(t, got, []string{"1600000001", "empty", "?", "?"})
		assert.DeepEqual(t, lastWrite(got[0]), LastWrite{At: time.Unix(1600000001, 0).UTC(), Known: true})
		assert.DeepEqual(t, lastWrite(got[1]), LastWrite{Empty: true, Known: true})
		assert.DeepEqual(t, lastWrite(got[2]), LastWrite{})
	})
}

// Of a folder with more files than are looked at nothing is said, rather than something wrong.
func TestLastModifiedIsBounded(t *testing.T) {
	bothShells(t, func(t *testing.T, look func(what [2]string, paths ...string) []string) {
		dir := t.TempDir()
		for _, name := range []string{"a", "b", "c"} {
			assert.NilError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
		}
		few := [2]string{lastModified[0], strings.Replace(lastModified[1], lookIntoMost, "2", 1)}
		assert.DeepEqual(t, look(few, dir), []string{"?"})
	})
}

func TestMappedFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	bothShells(t, func(t *testing.T, look func(what [2]string, paths ...string) []string) {
		dir := t.TempDir()
		for name, owner := range map[string][2]int{"root": {0, 0}, "first": {100000, 0}, "last": {0, 265535}, "below": {99999, 0}, "above": {165536, 265536}} {
			file := filepath.Join(dir, name)
			assert.NilError(t, os.WriteFile(file, nil, 0o600))
			assert.NilError(t, os.Chown(file, owner[0], owner[1]))
		}
		m := idmap.Map{UID: idmap.Single(100000, 65536).UID, GID: idmap.Single(200000, 65536).GID}
		assert.DeepEqual(t, look(mappedFiles(m), dir, filepath.Join(dir, "first"), filepath.Join(dir, "root")), []string{"2", "1", "0"})
		assert.DeepEqual(t, look(mappedFiles(idmap.Map{}), dir), []string{"0"})
	})
}

func TestNewer(t *testing.T) {
	at := func(s int64) LastWrite { return LastWrite{At: time.Unix(s, 0), Known: true} }
	empty := LastWrite{Empty: true, Known: true}
	for _, tc := range []struct {
		current, next LastWrite
		order         int
		known         bool
	}{
		{at(2), at(1), 1, true},
		{at(1), at(2), -1, true},
		{at(1), at(1), 0, true},
		{at(1), empty, 1, true},
		{empty, at(1), -1, true},
		{empty, empty, 0, true},
		{LastWrite{}, at(1), 0, false},
		{at(1), LastWrite{}, 0, false},
	} {
		order, known := Twin{Current: tc.current, Next: tc.next}.Newer()
		assert.Check(t, order == tc.order && known == tc.known, "%v: %d %v", tc, order, known)
	}
}

// What a manifest recorded is found by name, and what was accepted is marked.
func TestRecord(t *testing.T) {
	m := Manifest{ID: "20261122T210203Z", After: State{DataRoot: "/d/1.1"}, Running: []string{"c1"}, Before: State{
		Containers: []Object{{ID: "c1", Name: "web"}, {ID: "c2", Name: "job"}},
		Images:     []Object{{ID: "sha256:1", Name: "app:1, app:latest"}, {ID: "sha256:2"}},
		Volumes:    []Object{{ID: "data", Name: "data", UsedBy: []string{"web"}}},
		Networks:   []Object{{ID: "n1", Name: "data"}},
	}}
	got := recordOf(m, accepted{Objects: []acceptedObject{{Kind: survey.KindVolume, Name: "data"}}})
	assert.DeepEqual(t, got, &survey.Record{Change: m.ID, DataRoot: "/d/1.1", Objects: []survey.RecordedObject{
		{Kind: survey.KindContainer, Name: "web", Ran: true},
		{Kind: survey.KindContainer, Name: "job"},
		{Kind: survey.KindVolume, Name: "data", UsedBy: []string{"web"}, Accepted: true},
		{Kind: survey.KindNetwork, Name: "data"},
		{Kind: survey.KindImage, Name: "app:1"},
		{Kind: survey.KindImage, Name: "app:latest"},
	}})
}

// What is accepted is written only if it can be read again.
func TestAcceptedIsBounded(t *testing.T) {
	object := acceptedObject{Kind: survey.KindVolume, Name: strings.Repeat("v", 200)}
	file, err := acceptedAs(accepted{SchemaVersion: 1, Objects: slices.Repeat([]acceptedObject{object}, 1000)}, "/x")
	assert.NilError(t, err)
	assert.Assert(t, len(file.Data) <= host.MaxFile)
	_, err = acceptedAs(accepted{SchemaVersion: 1, Objects: slices.Repeat([]acceptedObject{object}, 20000)}, "/x")
	assert.ErrorContains(t, err, "recreate what is needed")
}

package idmap

import (
	"bytes"
	"strings"
	"testing"

	"github.com/moby/sys/user"
	"gotest.tools/v3/assert"
)

func TestGenerationOf(t *testing.T) {
	for version, want := range map[string]Generation{
		"20.10.24+dfsg1": Engine20, "v26.1.5": Engine20, "27.5.1": Engine20, "28.0.0": Engine28,
		"28.5.2-ce": Engine28, "29.6.1": Engine28, "29.7.2": Engine297, "30.0": Engine297,
	} {
		got, ok := GenerationOf(version)
		assert.Equal(t, got, want, version)
		assert.Assert(t, ok, version)
	}
	for _, version := range []string{"", "dev", "28", "-1.2", "library-import"} {
		_, ok := GenerationOf(version)
		assert.Assert(t, !ok, version)
	}
}

// Each row is a file that an engine of the generation was started with; the
// words are those that it gave.
func TestRead(t *testing.T) {
	const format = "Cannot parse subuid/gid information: Format not correct for /etc/subuid file"
	const atoi = `String to int conversion failed during subuid/gid parsing of /etc/subuid: strconv.Atoi: parsing `
	const none = `no subuid ranges found for user "dockremap"`
	one := Extents{{0, 100000, 65536}}
	for _, tc := range []struct {
		name, file string
		want20     Extents
		err20      string
		want28     Extents
		err28      string
	}{
		{name: "sound", file: "dockremap:100000:65536\n", want20: one, want28: one},
		{name: "another's malformed line", file: "foo:bar\ndockremap:100000:65536", err20: format, want28: one},
		{name: "malformed line after a numeric one", file: "999:100000:65536\nfoo\n", err20: format, want28: one},
		{name: "start that is no number", file: "dockremap:abc:65536", err20: atoi + `"abc": invalid syntax`, want28: Extents{{0, 0, 65536}}},
		{name: "comment after the count", file: "dockremap:100000:65536 # ours", err20: atoi + `"65536 # ours": invalid syntax`, want28: Extents{{0, 100000, 0}}},
		{name: "count of 0", file: "dockremap:100000:0", want20: Extents{{0, 100000, 0}}, want28: Extents{{0, 100000, 0}}},
		{name: "comments and blanks", file: "# x\n\n \t\n#dockremap:1:1\ndockremap:100000:65536\n", want20: one, want28: one},
		{name: "no line of the user", file: "alice:100000:65536\n", err20: none, err28: none},
		{name: "empty", file: "", err20: none, err28: none},
		{name: "name before number", file: "dockremap:300000:10\n999:400000:65536\n", want20: Extents{{0, 400000, 65536}}, want28: Extents{{0, 300000, 10}, {10, 400000, 65536}}},
		{name: "file order", file: "dockremap:300000:1000\ndockremap:100000:64536\n", want20: Extents{{0, 300000, 1000}, {1000, 100000, 64536}}, want28: Extents{{0, 300000, 1000}, {1000, 100000, 64536}}},
		{name: "a field too many", file: "dockremap:100000:65536:x\n", err20: format, want28: one},
		{name: "CRLF", file: "dockremap:100000:65536\r\n", want20: one, want28: one},
		{name: "past 64 bits", file: "dockremap:99999999999999999999:1", err20: atoi + `"99999999999999999999": value out of range`, want28: Extents{{0, 1<<63 - 1, 1}}},
		{name: "a line too long", file: "dockremap:100000:65536\n#" + strings.Repeat("x", 1<<16), err20: "bufio.Scanner: token too long", err28: "bufio.Scanner: token too long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := File{Path: "/etc/subuid", Data: []byte(tc.file)}
			check := func(g Generation, want Extents, wantErr string) {
				t.Helper()
				got, err := Read(g, f, "dockremap", 999)
				if wantErr != "" {
					assert.Error(t, err, wantErr)
					return
				}
				assert.NilError(t, err)
				assert.DeepEqual(t, got, want)
			}
			check(Engine20, tc.want20, tc.err20)
			check(Engine28, tc.want28, tc.err28)
			check(Engine297, tc.want28, tc.err28)
		})
	}
}

func TestLoad(t *testing.T) {
	good := func(path string) File { return File{Path: path, Data: []byte("dockremap:100000:65536\n")} }
	empty := func(path string) File { return File{Path: path} }
	uid, gid := "/etc/subuid", "/etc/subgid"
	for _, tc := range []struct {
		name           string
		g              Generation
		subuid, subgid File
		wantErr        string
	}{
		{"sound", Engine20, good(uid), good(gid), ""},
		{"no GIDs, 27", Engine20, good(uid), empty(gid), `Can't create ID mappings: no subgid ranges found for user "dockremap"`},
		{"no GIDs, 28", Engine28, good(uid), empty(gid), `Can't create ID mappings: no subuid ranges found for user "dockremap"`},
		{"no GIDs, 29.7", Engine297, good(uid), empty(gid), `error creating ID mappings: no subuid ranges found for user "dockremap"`},
		{"no file", Engine20, File{Path: uid, Missing: true}, good(gid), "Can't create ID mappings: open /etc/subuid: no such file or directory"},
		{"no file, 29.7", Engine297, good(uid), File{Path: gid, Missing: true}, "error creating ID mappings: open /etc/subgid: no such file or directory"},
	} {
		m, err := Load(tc.g, tc.subuid, tc.subgid, "dockremap", 999)
		if tc.wantErr != "" {
			assert.Error(t, err, tc.wantErr, tc.name)
			continue
		}
		assert.NilError(t, err, tc.name)
		assert.DeepEqual(t, m, Single(100000, 65536))
	}
}

func TestSuffix(t *testing.T) {
	assert.Equal(t, Single(100000, 65536).Suffix(), "100000.100000")
	assert.Equal(t, Single(100000, 0).Suffix(), "-1.-1")
	m := Single(300000, 65536)
	m.GID = Extents{{0, 100000, 0}}
	assert.Equal(t, m.Suffix(), "-1.-1")
}

// From 28 on the engine's parser is the one of moby/sys/user, and so is the
// arithmetic of the map.
func FuzzReadAgrees(f *testing.F) {
	f.Add([]byte("dockremap:100000:65536\n999:1:abc\nfoo:bar\n:::\n"), 70000)
	f.Add([]byte("#c\n dockremap:-5:9223372036854775807 \ndockremap:1:2"), 3)
	f.Fuzz(func(t *testing.T, data []byte, id int) {
		got, err := Read(Engine28, File{Path: "/etc/subuid", Data: data}, "dockremap", 999)
		all, wantErr := user.ParseSubID(bytes.NewReader(data))
		if wantErr != nil {
			assert.Error(t, err, wantErr.Error())
			return
		}
		var want Extents
		var next int64
		for _, s := range all {
			if s.Name == "dockremap" || s.Name == "999" {
				want = append(want, Extent{next, s.SubID, s.Count})
				next += s.Count
			}
		}
		assert.DeepEqual(t, got, want)
		_, _ = Read(Engine20, File{Path: "/etc/subuid", Data: data}, "dockremap", 999)
	})
}

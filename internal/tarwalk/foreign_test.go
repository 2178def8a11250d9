package tarwalk

import (
	"bytes"
	"compress/bzip2"
	"encoding/base64"
	"fmt"
	"go/build"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// The archives that archive/tar itself is tested with.
func TestAgreesOnGoArchives(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(build.Default.GOROOT, "src/archive/tar/testdata/*.tar*"))
	if len(files) == 0 {
		t.Skip("the source of Go is not here")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			agree(t, decode(t, file))
		})
	}
}

func decode(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	assert.NilError(t, err)
	var r io.Reader = bytes.NewReader(b)
	if strings.HasSuffix(file, ".bz2") {
		r = bzip2.NewReader(r)
	}
	if strings.HasSuffix(file, ".base64") {
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	b, err = io.ReadAll(r)
	assert.NilError(t, err)
	return b
}

func TestAgreesOnArchivesOfGNUTar(t *testing.T) {
	for _, test := range []struct {
		name  string
		args  []string
		names []string
		want  string // the entries after the folder, in order of names
	}{
		{"v7", []string{"--format=v7", "--owner=:1000", "--group=:100"}, []string{"hard", "small"},
			"0 t/hard> 1000:100 3; 1 t/small>t/hard 1000:100 0; EOF"},
		{"old GNU", []string{"--format=oldgnu", "--owner=:1516583083", "--group=:4294967294"}, []string{"hard", "link", "long", "small"},
			"0 t/hard> 1516583083:4294967294 3; 2 t/link>LONG 1516583083:4294967294 0; 0 t/LONG> 1516583083:4294967294 4; 1 t/small>t/hard 1516583083:4294967294 0; EOF"},
		{"old GNU, sparse", []string{"--format=gnu", "--sparse", "--owner=:1", "--group=:2"}, []string{"sparse"},
			"S t/sparse> 1:2 50000001; EOF"},
		{"ustar", []string{"--format=ustar", "--owner=:1000", "--group=:70000"}, []string{"small", "sparse"},
			"0 t/small> 1000:70000 3; 0 t/sparse> 1000:70000 50000001; EOF"},
		{"PAX", []string{"--format=posix", "--owner=:1516583083", "--group=:4294967294"}, []string{"hard", "link", "long"},
			"0 t/hard> 1516583083:4294967294 3; 2 t/link>LONG 1516583083:4294967294 0; 0 t/LONG> 1516583083:4294967294 4; EOF"},
		{"PAX, global", []string{"--format=posix", "--owner=:1", "--group=:2", "--pax-option=globexthdr.name=g,comment=x"}, []string{"small"},
			"g g> 0:0 0; 0 t/small> 1:2 3; EOF"},
		{"sparse 0.0", []string{"--format=posix", "--sparse", "--sparse-version=0.0", "--owner=:99999999", "--group=:2"}, []string{"small", "sparse"},
			"0 t/small> 99999999:2 3; 0 t/sparse> 99999999:2 50000001; EOF"},
		{"sparse 0.1", []string{"--format=posix", "--sparse", "--sparse-version=0.1", "--owner=:99999999", "--group=:2"}, []string{"small", "sparse"},
			"0 t/small> 99999999:2 3; 0 t/sparse> 99999999:2 50000001; EOF"},
		{"sparse 1.0", []string{"--format=posix", "--sparse", "--sparse-version=1.0", "--owner=:99999999", "--group=:2"}, []string{"small", "sparse"},
			"0 t/small> 99999999:2 3; 0 t/sparse> 99999999:2 50000001; EOF"},
		{"volume label", []string{"--format=gnu", "-V", "label", "--owner=:1", "--group=:2"}, []string{"small"},
			"V label> 0:0 0; 0 t/small> 1:2 3; EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := gnuTar(t, test.args, test.names)
			w, err := walk(bytes.NewReader(data), noBodies)
			assert.Equal(t, tell(w, err), strings.ReplaceAll(test.want, "LONG", longest))
			agreeReading(t, data, noBodies)
		})
	}
}

var longest = strings.Repeat("n", 150)

// gnuTar archives files of a folder that has one of each kind.
func gnuTar(t *testing.T, args, names []string) []byte {
	t.Helper()
	version, err := exec.Command("tar", "--version").Output()
	if err != nil || !bytes.Contains(version, []byte("GNU tar")) {
		t.Skip("GNU tar is not here")
	}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, "t", name) }
	assert.NilError(t, os.Mkdir(in(""), 0o755))
	assert.NilError(t, os.WriteFile(in("hard"), []byte("hi\n"), 0o644))
	assert.NilError(t, os.Link(in("hard"), in("small")))
	assert.NilError(t, os.WriteFile(in(longest), []byte("long"), 0o644))
	assert.NilError(t, os.Symlink(longest, in("link")))
	sparse, err := os.Create(in("sparse"))
	assert.NilError(t, err)
	for i := range 30 {
		_, err = sparse.WriteAt([]byte("x"), int64(i)*1_500_000)
		assert.NilError(t, err)
	}
	assert.NilError(t, sparse.Truncate(50_000_001))
	assert.NilError(t, sparse.Close())

	args = append([]string{"-C", dir, "-cf", "-"}, args...)
	for _, name := range names {
		args = append(args, "t/"+strings.Replace(name, "long", longest, 1))
	}
	cmd := exec.Command("tar", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	data, err := cmd.Output()
	assert.NilError(t, err, fmt.Sprint(&stderr))
	return data
}

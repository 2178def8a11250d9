package tarwalk

import (
	"bytes"
	"compress/bzip2"
	"encoding/base64"
	"go/build"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = bytes.NewReader(b)
	if strings.HasSuffix(file, ".bz2") {
		r = bzip2.NewReader(r)
	}
	if strings.HasSuffix(file, ".base64") {
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	if b, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return b
}

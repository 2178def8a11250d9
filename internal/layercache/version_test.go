package layercache

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/klauspost/compress/zstd"
	"gotest.tools/v3/assert"
)

// pinned is what is kept of the layers below, and headers as they were, when a version was
// made. If a test here fails, raise Version, and write what it says here: otherwise what another version
// of the program has kept is taken for something else.
var pinned = map[string]string{
	"1": "Name []uint8, Linkname []uint8, UID int64, GID int64, Size int64, Type uint8, Offset int64, BodyOffset int64; " +
		"27152f3f0efd",
}

func TestVersion(t *testing.T) {
	c := opened(t, t.TempDir(), Size)
	r := c.Record()
	_, err := told(r.Tape(tarwalk.NewReader(bytes.NewReader(everything(t)))))
	assert.NilError(t, err)
	r.Keep("tar")
	keep(t, c, some(1, 200), "made up")
	sum := sha256.New()
	for _, id := range []string{"tar", "made up"} {
		f, err := os.Open(filepath.Join(c.root.Name(), nameOf(id)))
		assert.NilError(t, err)
		defer f.Close()
		_, err = f.Seek(int64(len(magic)+len(nameOf(id))+len("\n"+kindLayer+"\n")), io.SeekStart)
		assert.NilError(t, err)
		z, err := zstd.NewReader(f)
		assert.NilError(t, err)
		defer z.Close()
		_, err = io.Copy(sum, z)
		assert.NilError(t, err)
	}
	assert.Equal(t, fmt.Sprintf("%s; %x", fields[tarwalk.Header](), sum.Sum(nil)[:6]), pinned[Version])
}

// fields are those of a struct. A new one of a header is not kept unless somebody sees to it.
func fields[T any]() string {
	var all []string
	for f := range reflect.TypeFor[T]().Fields() {
		all = append(all, f.Name+" "+f.Type.String())
	}
	return strings.Join(all, ", ")
}

// everything is a tar with all that is read of one in several ways.
func everything(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	long := strings.Repeat("folder/", 40)
	for _, h := range []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Uid: 7},
		{Name: "/etc/", Typeflag: tar.TypeDir},
		{Name: "etc//passwd", Typeflag: tar.TypeReg, Size: 5},
		{Name: "etc/.wh..wh..opq", Typeflag: tar.TypeReg},
		{Name: long + "gnu", Typeflag: tar.TypeReg, Uid: 1 << 30, Size: 700, Format: tar.FormatGNU},
		{Name: long + "pax", Typeflag: tar.TypeReg, Gid: 1 << 40, Format: tar.FormatPAX},
		{Name: "link", Linkname: long, Typeflag: tar.TypeSymlink, Uid: 5},
		{Name: "hard", Linkname: "etc/passwd", Typeflag: tar.TypeLink, Gid: 5},
		{Name: "dev", Typeflag: tar.TypeChar}, {Name: "pipe", Typeflag: tar.TypeFifo},
		{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "global"}},
		{Name: "h\xe9\x01", Typeflag: tar.TypeReg, Format: tar.FormatGNU},
	} {
		assert.NilError(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write(bytes.Repeat([]byte("x"), int(h.Size)))
			assert.NilError(t, err)
		}
	}
	assert.NilError(t, w.Close())
	return b.Bytes()
}
